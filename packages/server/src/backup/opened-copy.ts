import type { ChunkId } from '@satchel/protocol/ids.ts';
import type { BlockKey, BlockStore } from '../ports/block-store.ts';
import type { ChunkLedger } from '../ports/chunk-ledger.ts';

export interface CopyFinding {
  readonly code: string;
  readonly detail: string;
  readonly repair: string;
  readonly chunkId?: ChunkId;
  readonly key?: BlockKey;
}

/** A copy of a server's metadata, opened beside a store of blocks. */
export interface OpenedCopy extends AsyncDisposable {
  readonly ledger: Pick<ChunkLedger, 'objects' | 'locateAny'>;
  /**
   * Reads everything that the metadata names out of the store, and checks the metadata against itself.
   * @throws BackupFault('folder_unusable') when something cannot be read
   */
  examine(): Promise<{ readonly findings: readonly CopyFinding[]; readonly readBytes: number }>;
  /** S10: every cursor from before has expired. Returns the number of workspaces. */
  renewEpochs(): Promise<number>;
}

export interface CopyFactory {
  /** Number of the newest step of the schema that this program knows. */
  readonly schemaVersion: number;
  readonly productVersion: string;
  /** @param folder has `satchel.sqlite`; it is brought to this program's schema */
  open(folder: string, store: BlockStore): Promise<OpenedCopy>;
  /** Copies a database that may be in use, as of one moment, into one file that nothing else belongs to. */
  copyDatabase(from: string, to: string): Promise<void>;
  /** Number of the newest step of a database's schema. @throws BackupFault('backup_damaged') */
  schemaOf(file: string): number;
}
