import { contentHash } from '@satchel/core/manifest.ts';
import type { ObjectRecord } from '@satchel/protocol/objects.ts';
import type { SimDevice } from './device.ts';
import { chunksOf, sha256 } from './hashing.ts';
import { compared } from './left-out.ts';
import type { Ledger } from './ledger.ts';

/** A rule that did not hold. */
export class Violation extends Error {
  readonly rule: string;
  constructor(rule: string, message: string) {
    super(`${rule}: ${message}`);
    this.rule = rule;
  }
}

/** Path → what is there. */
export type View = ReadonlyMap<string, string>;

/** What the server lists, as paths; also shows that it is a tree (P7). */
export function serverView(objects: readonly ObjectRecord[], rootId: string): View {
  const byId = new Map(objects.map((object) => [object.objectId as string, object]));
  const view = new Map<string, string>();
  for (const object of objects) {
    const names = [object.name];
    let at = object.parentId as string;
    for (let depth = 0; at !== rootId; depth++) {
      const parent = byId.get(at);
      if (parent === undefined || depth > 100)
        throw new Violation('P7', `${object.name} hangs on nothing or on itself`);
      if (parent.kind !== 'folder') throw new Violation('P7', `${object.name} lies in a ${parent.kind}`);
      names.unshift(parent.name);
      at = parent.parentId;
    }
    const path = names.join('/');
    if (view.has(path)) throw new Violation('P7', `two objects have the path ${path}`);
    const bit = object.version?.executable ? ' x' : '';
    view.set(
      path,
      object.kind === 'file'
        ? `file${bit} #${object.version?.contentHash}`
        : object.kind === 'symlink'
          ? `link ${object.target}`
          : 'folder',
    );
  }
  return view;
}

/** What lies on a disk, as the server would tell it. */
export function hashedTree(device: SimDevice): View {
  const result = new Map<string, string>();
  for (const [path, what] of device.tree()) {
    const match = /^file( x)? ([^]*)$/.exec(what);
    if (match === null) result.set(path, what);
    else {
      const bytes = Buffer.from(match[2]!, 'latin1');
      result.set(path, `file${match[1] ?? ''} #${contentHash(chunksOf(bytes), sha256)}`);
    }
  }
  return result;
}

/** The first differences of two views, for people; undefined when they are alike. */
export function difference(one: View, two: View): string | undefined {
  const lines: string[] = [];
  for (const path of new Set([...one.keys(), ...two.keys()])) {
    if (one.get(path) === two.get(path)) continue;
    lines.push(`  ${path}: ${one.get(path)?.slice(0, 60) ?? 'nothing'} | ${two.get(path)?.slice(0, 60) ?? 'nothing'}`);
  }
  return lines.length === 0 ? undefined : lines.sort().slice(0, 12).join('\n');
}

/** P4: every disk is as the server says, but for what is left alone. */
export function disagreement(devices: readonly SimDevice[], viewOf: (device: SimDevice) => View): string | undefined {
  for (const device of devices) {
    const different = difference(...compared(device, hashedTree(device), viewOf(device)));
    if (different !== undefined) return `${device.name} | server\n${different}`;
  }
  return undefined;
}

interface Contents {
  readonly devices: readonly SimDevice[];
  readonly ledger: Ledger;
  /** A database was taken back: what was known as one object may then stand twice (C7). */
  readonly mayDuplicate: boolean;
  /** Where contents may be that are on no disk. */
  readonly servers: Iterable<View>;
}

/** P1, P3, P6: contents of the trees, on which each account's devices agree, against what users have made. */
export function checkContents({ devices, ledger, mayDuplicate, servers }: Contents): void {
  const somewhere = new Set<string>();
  for (const device of devices) for (const text of contentsOf(device, ledger, mayDuplicate).keys()) somewhere.add(text);
  const listed = new Set([...servers].flatMap((view) => [...view.values()]));
  for (const text of ledger.live()) {
    if (somewhere.has(text) || isListed(listed, ledger.hashOf(text))) continue;
    const rests = devices.flatMap((device) =>
      [...device.disk.walk()].flatMap(([path, { type, data }]) =>
        type === 'file' && data.toString('latin1') === text ? [`${device.name}:${path}`] : [],
      ),
    );
    throw new Violation(
      'P1',
      `${text.slice(0, 30)} is in no tree${rests.length > 0 ? `, only in ${rests.join(', ')}` : ' and nowhere else'}`,
    );
  }
}

/** Whether a file of these has this content. */
export function isListed(whats: ReadonlySet<string>, hash: string): boolean {
  return whats.has(`file #${hash}`) || whats.has(`file x #${hash}`);
}

/** P3, P6 */
function contentsOf({ disk }: SimDevice, ledger: Ledger, mayDuplicate: boolean): ReadonlyMap<string, string> {
  const seen = new Map<string, string>();
  for (const [path, inode] of disk.walk()) {
    if (path === '.satchel' || path.startsWith('.satchel/') || inode.type !== 'file') continue;
    if (!ledger.existed(inode.data))
      throw new Violation('P3', `${path} holds what nobody wrote: ${inode.data.toString('latin1').slice(0, 60)}`);
    const text = inode.data.toString('latin1');
    const other = seen.get(text);
    if (other !== undefined && !mayDuplicate && !ledger.mayStandTwice(inode.data))
      throw new Violation('P6', `${path} and ${other} are one file: ${text.slice(0, 30)}`);
    seen.set(text, path);
  }
  return seen;
}

/** Nothing displaced lies forgotten between two names, and no download has left a part behind. */
export function checkStaging(devices: readonly SimDevice[]): void {
  for (const { name, disk } of devices) {
    for (const folder of ['ready', 'part']) {
      const left = [...(disk.find(`.satchel/staging/${folder}`)?.entries.keys() ?? [])];
      if (left.length > 0) throw new Violation('C4', `${name} has left ${left.join(', ')} in the ${folder} folder`);
    }
  }
}
