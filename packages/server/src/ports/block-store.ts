import { CodedError } from '@satchel/protocol/errors.ts';

/**
 * Where stored bytes rest: named objects, written whole, never changed.
 *
 * - B1 After `put` resolves the object survives power loss; before, it is absent: nobody ever reads half of one (S1, S2).
 * - B2 A second `put` of a name is harmless: names are derived from contents or are fresh.
 * - B3 `get` of an absent object is undefined; of a range outside the object, an error; of bytes that the disk has lost,
 *   CodedError('chunk_damaged').
 * - B4 `delete` of an absent object is not an error.
 * - B5 `list` yields every object that existed through the whole listing, in any order, streaming.
 * - B6 A full disk is `CodedError('storage_full')`; other faults are `CodedError('unavailable')` with the cause.
 * - B7 What was given to `put` is the caller's again when it ends, and what `get` gives is the caller's alone: either may
 *   be overwritten or given back to the system.
 */
export interface BlockStore {
  put(key: BlockKey, bytes: readonly Uint8Array[]): Promise<void>;
  get(key: BlockKey, range?: ByteRange): Promise<Uint8Array | undefined>;
  size(key: BlockKey): Promise<number | undefined>;
  delete(key: BlockKey): Promise<void>;
  list(prefix: string): AsyncIterable<{ readonly key: BlockKey; readonly sizeBytes: number }>;
}

/** `chunks/ab/abcd…` or `packs/…`: characters [a-z0-9/], at most 128. */
export type BlockKey = string & { readonly __brand: 'BlockKey' };

export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

/** The whole object; undefined where it is gone, or the disk has lost some of it (B3). */
export async function getWhole(store: Pick<BlockStore, 'get'>, key: BlockKey): Promise<Uint8Array | undefined> {
  try {
    return await store.get(key);
  } catch (error) {
    if (error instanceof CodedError && error.code === 'chunk_damaged') return undefined;
    throw error;
  }
}
