import { createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';
import type { BlockKey, BlockStore } from '../ports/block-store.ts';
import type { Random } from '../ports/clock.ts';
import type { Keys } from '../ports/keys.ts';

/** A key that chunks are encrypted under, and the number that their sealed form names it by. */
export interface DataKey {
  readonly id: number;
  readonly key: KeyObject;
}

export interface DataKeys {
  /** What is sealed now is sealed under this one. */
  readonly current: DataKey;
  find(id: number): Promise<DataKey | undefined>;
  /** A 256-bit key for another purpose, the same on every node that shares the store. */
  derive(purpose: string): Uint8Array;
}

const PREFIX = 'keys/';
const ID_BYTES = 4;

const keyOf = (id: number): BlockKey => `${PREFIX}${id.toString(16).padStart(2 * ID_BYTES, '0')}` as BlockKey;

async function createDataKey(store: BlockStore, keys: Keys, random: Random): Promise<void> {
  const { wrapped } = await keys.create();
  const id = Buffer.from(random.bytes(ID_BYTES)).readUInt32BE();
  await store.put(keyOf(id), [wrapped]);
}

/**
 * Envelope encryption: wrapped data keys lie in the store beside what they encrypt; the wrapping key does not. The
 * first start makes one; of several (nodes that started together) the lowest is used by all. Throws when the
 * wrapping key is not the one that they were wrapped with.
 */
export async function openDataKeys(store: BlockStore, keys: Keys, random: Random): Promise<DataKeys> {
  const known = new Map<number, DataKey>();
  async function find(id: number): Promise<DataKey | undefined> {
    const found = known.get(id);
    if (found !== undefined) return found;
    const wrapped = await store.get(keyOf(id));
    if (wrapped === undefined) return undefined;
    const key: DataKey = { id, key: createSecretKey(await keys.unwrap(wrapped)) };
    known.set(id, key);
    return key;
  }
  async function findAll(): Promise<readonly DataKey[]> {
    for await (const { key } of store.list(PREFIX)) await find(Number.parseInt(key.slice(PREFIX.length), 16));
    return [...known.values()].sort((a, b) => a.id - b.id);
  }
  if ((await findAll()).length === 0) await createDataKey(store, keys, random);
  const [current] = await findAll();
  if (current === undefined) throw new Error('The block store lost the data key that was just written to it');
  return {
    current,
    find,
    derive: (purpose) => new Uint8Array(hkdfSync('sha256', current.key.export(), '', `satchel ${purpose}`, 32)),
  };
}
