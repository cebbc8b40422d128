import { LIMITS } from '@satchel/protocol/limits.ts';
import type { BlockKey } from '../../ports/block-store.ts';
import type { ChunkLedger, UsedObject } from '../../ports/chunk-ledger.ts';
import { writtenAt } from '../block-names.ts';
import type { UpkeepPorts } from './ports.ts';

export interface ObjectFinding {
  readonly code: 'object_missing' | 'object_short';
  readonly key: BlockKey;
  readonly detail: string;
}

export interface Inventory {
  /** Storage objects that recorded chunks lie in. */
  objects: number;
  /** The first thousand. */
  readonly findings: ObjectFinding[];
  found: number;
  /** Objects that no chunk is recorded for, past the grace: the collection removes them. */
  orphans: number;
  orphanBytes: number;
}

const PAGE = 1000;
const LOOKS_AT_ONCE = 16;
const MOST_FINDINGS = 1000;
const FOLDERS = ['chunks/', 'packs/'] as const;

/** All storage objects that recorded chunks lie in, in order of key. */
export async function* usedObjects(ledger: Pick<ChunkLedger, 'objects'>): AsyncGenerator<UsedObject> {
  let after: BlockKey | undefined;
  for (;;) {
    const page: readonly UsedObject[] = await ledger.objects(after, PAGE);
    yield* page;
    after = page.at(-1)?.key;
    if (page.length === 0) return;
  }
}

type Ports = Pick<UpkeepPorts, 'store' | 'ledger' | 'clock'>;

/** Whether every recorded chunk has its storage object, long enough for it, and what lies in the store for nothing. */
export async function takeInventory(ports: Ports, signal?: AbortSignal): Promise<Inventory> {
  const inventory: Inventory = { objects: 0, findings: [], found: 0, orphans: 0, orphanBytes: 0 };
  await checkObjects(ports, inventory, signal);
  await countOrphans(ports, inventory, signal);
  return inventory;
}

async function checkObjects(ports: Ports, inventory: Inventory, signal: AbortSignal | undefined): Promise<void> {
  let batch: UsedObject[] = [];
  const look = async (): Promise<void> => {
    const faults = await Promise.all(batch.map((object) => faultOf(ports, object)));
    batch = [];
    for (const fault of faults) {
      if (fault === undefined) continue;
      inventory.found++;
      if (inventory.findings.length < MOST_FINDINGS) inventory.findings.push(fault);
    }
  };
  for await (const object of usedObjects(ports.ledger)) {
    if (signal?.aborted) return;
    inventory.objects++;
    batch.push(object);
    if (batch.length >= LOOKS_AT_ONCE) await look();
  }
  await look();
}

/** RACE: an object that was repacked or healed since it was listed is not missing: nothing uses it any more. */
async function faultOf({ store, ledger }: Ports, { key, endBytes }: UsedObject): Promise<ObjectFinding | undefined> {
  const size = await store.size(key);
  if (size !== undefined && size >= endBytes) return undefined;
  if (!(await ledger.usesKey(key))) return undefined;
  return size === undefined
    ? { code: 'object_missing', key, detail: 'Chunks are recorded in it, and it is gone.' }
    : { code: 'object_short', key, detail: `It has ${size} bytes, and chunks are recorded up to ${endBytes}.` };
}

async function countOrphans(ports: Ports, inventory: Inventory, signal: AbortSignal | undefined): Promise<void> {
  const { store, ledger, clock } = ports;
  for (const folder of FOLDERS)
    for await (const { key, sizeBytes } of store.list(folder)) {
      if (signal?.aborted) return;
      const written = writtenAt(key);
      if (written === undefined || written > clock.now() - LIMITS.collectionGraceMs) continue;
      if (await ledger.usesKey(key)) continue;
      inventory.orphans++;
      inventory.orphanBytes += sizeBytes;
    }
}
