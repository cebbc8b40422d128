import { LIMITS } from '@satchel/protocol/limits.ts';
import type { BlockKey } from '../../ports/block-store.ts';
import { writtenAt } from '../block-names.ts';
import type { UpkeepPorts } from './ports.ts';

export interface CollectReport {
  readonly forgottenChunks: number;
  readonly deletedObjects: number;
  /** Of the deleted ones, those that no chunk was ever recorded for: their upload was cut off. */
  readonly orphans: number;
}

export interface Collector {
  collect(signal?: AbortSignal): Promise<CollectReport>;
}

const CHUNKS_PER_ROUND = 1000;
/** Between two sights of an orphan by the monotonic clock, so that a jump of the wall clock deletes nothing. */
const ORPHAN_PATIENCE_MS = 30 * 60_000;
const FOLDERS = ['chunks/', 'packs/'] as const;

type Ports = Pick<UpkeepPorts, 'store' | 'ledger' | 'clock'>;

/** S5: the ledger forgets first, the bytes go last. What a crash leaves between the two is an orphan later. */
async function collectUnreferenced(ports: Ports, signal: AbortSignal | undefined): Promise<[number, number]> {
  let forgotten = 0;
  let deleted = 0;
  for (;;) {
    if (signal?.aborted) break;
    const olderThan = ports.clock.now() - LIMITS.collectionGraceMs;
    const chunks = await ports.ledger.forgetUnreferenced(olderThan, CHUNKS_PER_ROUND);
    forgotten += chunks.length;
    for (const key of new Set(chunks.map(({ location }) => location.key))) {
      if (await ports.ledger.usesKey(key)) continue;
      await ports.store.delete(key);
      deleted++;
    }
    if (chunks.length === 0) break;
  }
  return [forgotten, deleted];
}

/**
 * Removes what nothing refers to. Names of storage objects are fresh, so that bytes stored since can never be hit,
 * and an object is recorded at most once, right after it was written (H94).
 */
export function createCollector(ports: Ports): Collector {
  const { store, ledger, clock } = ports;
  let suspects: ReadonlyMap<BlockKey, number> = new Map();

  async function collectOrphans(signal: AbortSignal | undefined): Promise<number> {
    const seen = new Map<BlockKey, number>();
    let deleted = 0;
    for (const folder of FOLDERS)
      for await (const { key } of store.list(folder)) {
        if (signal?.aborted) return deleted;
        const written = writtenAt(key);
        if (written === undefined || written > clock.now() - LIMITS.collectionGraceMs) continue;
        if (await ledger.usesKey(key)) continue;
        const since = suspects.get(key) ?? clock.monotonic();
        if (clock.monotonic() - since < ORPHAN_PATIENCE_MS) seen.set(key, since);
        else {
          await store.delete(key);
          deleted++;
        }
      }
    suspects = seen;
    return deleted;
  }
  return {
    async collect(signal) {
      const [forgottenChunks, deletedObjects] = await collectUnreferenced(ports, signal);
      const orphans = await collectOrphans(signal);
      return { forgottenChunks, deletedObjects: deletedObjects + orphans, orphans };
    },
  };
}
