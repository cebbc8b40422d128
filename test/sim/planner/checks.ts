import { samePlace, sameContent } from '@satchel/core/diff.ts';
import type { RemoteNode } from '@satchel/core/tree.ts';
import type { ModelDevice } from './model-device.ts';
import type { ModelServer } from './model-server.ts';
import type { Ledger } from './model-user.ts';

export interface Outcome {
  readonly devices: readonly ModelDevice[];
  readonly server: ModelServer;
  readonly ledger: Ledger;
  /** A database was lost on the way: objects may come back and be there twice, but none may be missing (C7). */
  readonly lostState: boolean;
  /** A deletion on disk can then have been taken for the engine's own, which deletes nothing (H74). */
  readonly exclusions: boolean;
}

/** @throws Error naming what does not hold after everything has settled */
export function checkOutcome(outcome: Outcome): void {
  const live = [...outcome.server.tree.values()].filter((node) => !node.deleted);
  checkConvergence(outcome, live);
  checkNoLoss(outcome, live);
  if (outcome.lostState) return;
  checkNoDuplicates(outcome, live);
  checkNoResurrection(outcome);
  checkMoves(outcome);
}

function checkConvergence({ devices }: Outcome, live: readonly RemoteNode[]): void {
  for (const device of devices) {
    if (!device.options.canWrite) continue;
    const { name } = device.options;
    const wanted = new Map(
      live.filter((node) => !device.isExcluded(node.objectId)).map((node) => [node.objectId, node]),
    );
    for (const node of device.local.values()) {
      const remote = wanted.get(node.objectId);
      if (!remote) throw new Error(`convergence: ${name} has ${node.name} (${node.objectId}), the server has not`);
      if (!samePlace(node, remote)) throw new Error(`convergence: ${name} has ${node.objectId} elsewhere`);
      if (!sameContent(node.content, remote.content)) throw new Error(`convergence: ${name} differs in ${node.name}`);
      wanted.delete(node.objectId);
    }
    for (const node of wanted.values()) throw new Error(`convergence: ${name} lacks ${node.name} (${node.objectId})`);
  }
}

function checkNoLoss({ devices, ledger }: Outcome, live: readonly RemoteNode[]): void {
  const viewers = devices.filter((device) => !device.options.canWrite);
  const present = new Set<string>();
  for (const node of [...live, ...viewers.flatMap((device) => [...device.local.values()])]) {
    if (node.content.kind === 'file') present.add(node.content.hash);
  }
  for (const hash of ledger.written.keys()) {
    if (!ledger.superseded.has(hash) && !present.has(hash)) throw new Error(`loss: the content ${hash} is nowhere`);
  }
}

function checkNoDuplicates({ ledger }: Outcome, live: readonly RemoteNode[]): void {
  const counts = new Map<string, number>();
  for (const { content } of live) {
    if (content.kind !== 'file') continue;
    const count = (counts.get(content.hash) ?? 0) + 1;
    counts.set(content.hash, count);
    const { times } = ledger.written.get(content.hash)!;
    if (count > times)
      throw new Error(`duplicate: ${content.hash} was written ${times} times, is there ${count} times`);
  }
}

/** Only for objects that nobody edited or moved, nor any folder above: for those no rule lets a deletion be undone. */
function checkNoResurrection({ server, ledger, devices, exclusions }: Outcome): void {
  if (exclusions || devices.some((device) => !device.options.canWrite)) return;
  for (const { objectId, hash, above } of ledger.deleted) {
    const node = server.tree.get(objectId);
    if (!node || node.deleted || ledger.edited.has(objectId)) continue;
    // Two people wrote it; joined, it is the one's as well as the other's.
    if ((ledger.written.get(hash)?.times ?? 0) > 1) continue;
    const touched = [objectId, ...above].some(
      (id) => (server.tree.get(id)?.placeVersion ?? 1) > 1 || ledger.everMoved.has(id),
    );
    if (!touched) throw new Error(`resurrection: ${objectId} with ${hash} was deleted and is back`);
  }
}

/** Where one device alone has moved things, they lie there, whatever the others did. */
function checkMoves({ server, ledger, devices }: Outcome): void {
  if (ledger.movers.size !== 1 || devices.some((device) => !device.options.canWrite)) return;
  for (const [id, place] of ledger.movedTo) {
    // Deleted by one, revived in its old place by another, moved by the third: the second was first.
    if (devices.length > 2 && [id, place.parentId].some((each) => server.everDeleted.has(each))) continue;
    const node = server.tree.get(id);
    const parent = server.tree.get(place.parentId) as RemoteNode | undefined;
    const parentLives = place.parentId === server.rootId || (parent && !parent.deleted);
    if (!node || node.deleted || !parentLives) continue;
    if (server.yielded.has(id) || server.joined.has(place.parentId)) continue;
    if (node.parentId !== place.parentId)
      throw new Error(`move: ${id} was moved into ${place.parentId}, lies in ${node.parentId}`);
    const stem = (name: string): string => name.split(' (')[0]!;
    if (stem(node.name) !== stem(place.name)) throw new Error(`move: ${id} was named ${place.name}, is ${node.name}`);
  }
}
