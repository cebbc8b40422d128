import { createCipheriv, createDecipheriv, type CipherGCM } from 'node:crypto';
import type { ChunkRef } from '@satchel/protocol/objects.ts';
import type { Random } from '../ports/clock.ts';
import type { Content } from './content.ts';
import type { DataKey, DataKeys } from './data-keys.ts';

/**
 * A chunk at rest: format byte, number of the data key (u32, big-endian), 12-byte nonce, AES-256-GCM ciphertext of
 * the encoded bytes, 16-byte tag. The chunk's id, size and encoding are authenticated with it, so that a damaged,
 * swapped or misplaced block is found on reading without hashing it again.
 */
const FORMAT = 1;
const NONCE_BYTES = 12;
const HEADER_BYTES = 1 + 4 + NONCE_BYTES;
const TAG_BYTES = 16;
export const SEAL_BYTES = HEADER_BYTES + TAG_BYTES;
/** One call on the ciphers: small enough for the processor's cache, which halves the time for a chunk. */
const SLICE_BYTES = 64 * 1024;

function authenticated(chunk: ChunkRef, encoding: Content['encoding']): Uint8Array {
  const bytes = Buffer.allocUnsafe(32 + 4 + 1);
  bytes.write(chunk.id, 'hex');
  bytes.writeUInt32BE(chunk.size, 32);
  bytes[36] = encoding === 'raw' ? 0 : 1;
  return bytes;
}

/** Feeds bytes through a cipher or decipher in slices. */
function pushSliced(cipher: Pick<CipherGCM, 'update'>, bytes: Uint8Array, out: Uint8Array[]): void {
  for (let at = 0; at < bytes.length; at += SLICE_BYTES)
    out.push(cipher.update(bytes.subarray(at, Math.min(at + SLICE_BYTES, bytes.length))));
}

/** The sealed form as parts that follow each other, `SEAL_BYTES` longer than the content. */
export function seal(dataKey: DataKey, random: Random, chunk: ChunkRef, content: Content): readonly Uint8Array[] {
  const header = Buffer.allocUnsafe(HEADER_BYTES);
  header[0] = FORMAT;
  header.writeUInt32BE(dataKey.id, 1);
  header.set(random.bytes(NONCE_BYTES), 5);
  const cipher = createCipheriv('aes-256-gcm', dataKey.key, header.subarray(5));
  cipher.setAAD(authenticated(chunk, content.encoding));
  const out: Uint8Array[] = [header];
  for (const part of content.parts) pushSliced(cipher, part, out);
  cipher.final();
  out.push(cipher.getAuthTag());
  return out;
}

/** What was sealed, or undefined when these bytes are not what was sealed for this chunk and encoding. */
export async function unseal(
  dataKeys: DataKeys,
  chunk: ChunkRef,
  encoding: Content['encoding'],
  sealed: Uint8Array,
): Promise<Content | undefined> {
  if (sealed.length < SEAL_BYTES || sealed[0] !== FORMAT) return undefined;
  const view = new DataView(sealed.buffer, sealed.byteOffset, HEADER_BYTES);
  const id = view.getUint32(1);
  const dataKey = id === dataKeys.current.id ? dataKeys.current : await dataKeys.find(id);
  if (dataKey === undefined) return undefined;
  const decipher = createDecipheriv('aes-256-gcm', dataKey.key, sealed.subarray(5, HEADER_BYTES));
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
  decipher.setAAD(authenticated(chunk, encoding));
  const parts: Uint8Array[] = [];
  pushSliced(decipher, sealed.subarray(HEADER_BYTES, sealed.length - TAG_BYTES), parts);
  try {
    decipher.final();
  } catch {
    return undefined;
  }
  return { encoding, parts };
}
