import { z } from 'zod';

/**
 * Ids. Except for chunks, an id is 128 bits in 26 characters of lower-case Crockford base32 with the creation
 * time in its first 48 bits (the ULID layout), so that rows made together lie together in an index. Clients make
 * the ids of the objects they create; the server refuses one that is taken.
 */
const ULID = /^[0-7][0-9a-hjkmnp-tv-z]{25}$/;

export const UserId = z.string().regex(ULID).brand<'UserId'>();
export type UserId = z.infer<typeof UserId>;

export const DeviceId = z.string().regex(ULID).brand<'DeviceId'>();
export type DeviceId = z.infer<typeof DeviceId>;

export const WorkspaceId = z.string().regex(ULID).brand<'WorkspaceId'>();
export type WorkspaceId = z.infer<typeof WorkspaceId>;

export const ObjectId = z.string().regex(ULID).brand<'ObjectId'>();
export type ObjectId = z.infer<typeof ObjectId>;

/**
 * In the trees of devices two ids stand for places of their own, in every account: the top of all workspaces, and
 * where things rest whose path is taken. No object may have one, or it would be such a place on others' devices.
 */
export const DEVICE_PLACES = {
  top: '00000000000000000000000001' as ObjectId,
  limbo: '00000000000000000000000000' as ObjectId,
} as const;

export function isDevicePlace(id: ObjectId): boolean {
  return id === DEVICE_PLACES.top || id === DEVICE_PLACES.limbo;
}

export const VersionId = z.string().regex(ULID).brand<'VersionId'>();
export type VersionId = z.infer<typeof VersionId>;

/** Names one intended change, chosen by the client; a repeated one gets the first answer again (S4). */
export const OperationId = z.string().regex(ULID).brand<'OperationId'>();
export type OperationId = z.infer<typeof OperationId>;

export const UploadId = z.string().regex(ULID).brand<'UploadId'>();
export type UploadId = z.infer<typeof UploadId>;

/** SHA-256 of the chunk's bytes, 64 lower-case hex characters. */
export const ChunkId = z
  .string()
  .regex(/^[0-9a-f]{64}$/)
  .brand<'ChunkId'>();
export type ChunkId = z.infer<typeof ChunkId>;

/** SHA-256 in hex over a version's content, as `core/manifest.ts` defines it. */
export const ContentHash = z
  .string()
  .regex(/^[0-9a-f]{64}$/)
  .brand<'ContentHash'>();
export type ContentHash = z.infer<typeof ContentHash>;

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';

/**
 * A fresh id.
 * @param unixMs creation time in ms since 1970; only its order matters
 * @param random ten random bytes
 */
export function newId<Id extends string>(unixMs: number, random: Uint8Array): Id {
  if (random.length !== 10) throw new RangeError(`newId needs 10 random bytes, got ${random.length}`);
  let text = '';
  for (let shift = 45; shift >= 0; shift -= 5) text += ALPHABET[Math.floor(unixMs / 2 ** shift) % 32] ?? '';
  let bits = 0;
  let held = 0;
  for (const byte of random) {
    bits = ((bits << 8) | byte) & 0xfff;
    held += 8;
    for (; held >= 5; held -= 5) text += ALPHABET[(bits >> (held - 5)) & 31] ?? '';
  }
  return text as Id;
}
