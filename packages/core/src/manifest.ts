import type { ChunkId, ContentHash } from '@satchel/protocol/ids.ts';
import { LIMITS } from '@satchel/protocol/limits.ts';
import type { ChunkRef } from '@satchel/protocol/objects.ts';
import type { Sha256Hex } from './hash-function.ts';
import { failure, success, type Result } from './result.ts';
import { utf8Bytes } from './utf8.ts';
import { readVarint, varintLength, writeVarint, type ByteCursor } from './varint.ts';

/** The chunks of a file in order. An empty file has none; no chunk is empty. */
export type Manifest = readonly Readonly<ChunkRef>[];

/** A chunk and the byte offset in the file at which it begins. */
export interface ChunkRange {
  readonly id: ChunkId;
  readonly size: number;
  readonly offset: number;
}

export interface ManifestFault {
  readonly code: 'manifest_invalid';
  readonly reason:
    | 'version_unknown'
    | 'truncated'
    | 'number_invalid'
    | 'chunk_size_invalid'
    | 'chunk_id_invalid'
    | 'too_many_chunks'
    | 'file_too_large'
    | 'trailing_bytes'
    | 'edit_invalid'
    | 'edit_out_of_range'
    | 'edit_out_of_order';
}

/** First byte of an encoded manifest: format 1. */
const FORMAT = 0x01;
const ID_BYTES = 32;
const HASH_PREFIX = utf8Bytes('satchel-manifest-v1\n');
const CHUNK_ID = /^[0-9a-f]{64}$/;

function fault(reason: ManifestFault['reason']): { readonly ok: false; readonly fault: ManifestFault } {
  return failure({ code: 'manifest_invalid', reason });
}

/** Size of the file in bytes. */
export function totalSize(manifest: Manifest): number {
  let size = 0;
  for (const chunk of manifest) size += chunk.size;
  return size;
}

/** Every chunk with its place in the file. */
export function chunkRanges(manifest: Manifest): readonly ChunkRange[] {
  let offset = 0;
  return manifest.map(({ id, size }) => {
    const range = { id, size, offset };
    offset += size;
    return range;
  });
}

/** Format byte, number of chunks, then per chunk its id (32 bytes) and size; numbers as varints. One manifest, one encoding. */
export function encodeManifest(manifest: Manifest): Uint8Array {
  let length = 1 + varintLength(manifest.length);
  for (const chunk of manifest) length += ID_BYTES + varintLength(chunk.size);
  const bytes = new Uint8Array(length);
  bytes[0] = FORMAT;
  let at = writeVarint(manifest.length, bytes, 1);
  for (const chunk of manifest) {
    bytes.subarray(at, at + ID_BYTES).setFromHex(chunk.id);
    at = writeVarint(chunk.size, bytes, at + ID_BYTES);
  }
  return bytes;
}

function readChunk(cursor: ByteCursor): Result<ChunkRef, ManifestFault> {
  const { bytes, at } = cursor;
  if (at + ID_BYTES > bytes.length) return fault('truncated');
  const id = bytes.subarray(at, at + ID_BYTES).toHex() as ChunkId;
  cursor.at += ID_BYTES;
  const size = readVarint(cursor);
  if (!size.ok) return fault(size.fault);
  if (size.value < 1 || size.value > LIMITS.chunkBytes) return fault('chunk_size_invalid');
  return success({ id, size: size.value });
}

/** Reads what `encodeManifest` writes and nothing else. Work and memory are bounded by the length of the input. */
export function decodeManifest(bytes: Uint8Array): Result<Manifest, ManifestFault> {
  if (bytes.length === 0) return fault('truncated');
  if (bytes[0] !== FORMAT) return fault('version_unknown');
  const cursor: ByteCursor = { bytes, at: 1 };
  const count = readVarint(cursor);
  if (!count.ok) return fault(count.fault);
  if (count.value > LIMITS.chunksPerFile) return fault('too_many_chunks');
  const manifest: ChunkRef[] = [];
  let size = 0;
  for (let index = 0; index < count.value; index++) {
    const chunk = readChunk(cursor);
    if (!chunk.ok) return chunk;
    size += chunk.value.size;
    if (size > LIMITS.fileBytes) return fault('file_too_large');
    manifest.push(chunk.value);
  }
  return cursor.at === bytes.length ? success(manifest) : fault('trailing_bytes');
}

/** The fault of a manifest that came as data (JSON, an applied splice), or undefined when it is a good one. */
export function manifestFault(manifest: Manifest): ManifestFault | undefined {
  if (manifest.length > LIMITS.chunksPerFile) return { code: 'manifest_invalid', reason: 'too_many_chunks' };
  let size = 0;
  for (const chunk of manifest) {
    if (!Number.isInteger(chunk.size) || chunk.size < 1 || chunk.size > LIMITS.chunkBytes)
      return { code: 'manifest_invalid', reason: 'chunk_size_invalid' };
    if (!CHUNK_ID.test(chunk.id)) return { code: 'manifest_invalid', reason: 'chunk_id_invalid' };
    size += chunk.size;
  }
  return size > LIMITS.fileBytes ? { code: 'manifest_invalid', reason: 'file_too_large' } : undefined;
}

/**
 * Names a file's content. Empty: SHA-256 of nothing; one chunk: that chunk's id, which is the SHA-256 of the file;
 * else SHA-256 of "satchel-manifest-v1\n" and the encoded manifest.
 *
 * Two contents are equal when hash and size are: the size must be compared too, since a small file can be written
 * whose bytes are the text that is hashed for a long one.
 */
export function contentHash(manifest: Manifest, sha256Hex: Sha256Hex): ContentHash {
  const [first] = manifest;
  if (first !== undefined && manifest.length === 1) return first.id as string as ContentHash;
  if (first === undefined) return sha256Hex(new Uint8Array(0)) as ContentHash;
  const encoded = encodeManifest(manifest);
  const text = new Uint8Array(HASH_PREFIX.length + encoded.length);
  text.set(HASH_PREFIX);
  text.set(encoded, HASH_PREFIX.length);
  return sha256Hex(text) as ContentHash;
}
