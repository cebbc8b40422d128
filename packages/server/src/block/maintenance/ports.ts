import type { BlockStore } from '../../ports/block-store.ts';
import type { ChunkLedger } from '../../ports/chunk-ledger.ts';
import type { Clock, Random } from '../../ports/clock.ts';
import type { DataKeys } from '../data-keys.ts';

/** What the upkeep of stored bytes works on. */
export interface UpkeepPorts {
  readonly store: BlockStore;
  readonly ledger: ChunkLedger;
  readonly clock: Clock;
  readonly random: Random;
  readonly dataKeys: DataKeys;
}
