import type { ContentHash, ObjectId } from '@satchel/protocol/ids.ts';
import type { ObjectKind } from '@satchel/protocol/objects.ts';
import type { Sha256Hex } from './hash-function.ts';
import { utf8Length, writeUtf8 } from './utf8.ts';

/**
 * The digest of a workspace: the sum, modulo 2^128, of a fingerprint of each live object. Equal digests mean equal
 * trees, whatever the order of the changes that led there, and a commit updates it by what it changes.
 *
 * Sum and not XOR: a change applied twice by mistake, or an object counted twice, cancels out under XOR and shows
 * in a sum. It is there to find divergence. It does not withstand attackers: who may choose many objects can make
 * two trees with one digest (Wagner's generalised birthday), and would only fool devices that trust that server.
 */
export type Digest = bigint;

export const EMPTY_DIGEST: Digest = 0n;

/** What a device must agree on about a live object. Times and counters are left out: they differ harmlessly. */
export interface FingerprintFields {
  readonly objectId: ObjectId;
  readonly parentId: ObjectId;
  readonly name: string;
  readonly kind: ObjectKind;
  /** Files only. */
  readonly contentHash: ContentHash | undefined;
  readonly executable: boolean;
  /** Symlinks only: the link's text. */
  readonly symlinkTarget: string | undefined;
}

const DIGEST_BITS = 128;
const FORMAT = 0x01;
const KIND_CODES: Readonly<Record<ObjectKind, number>> = { file: 1, folder: 2, symlink: 3, mount: 4 };
/** Format, kind, executable, and a four-byte length before each of the five texts. */
const FIXED_BYTES = 3 + 5 * 4;
const ABSENT = 0xffffffff;

function writeLength(length: number, bytes: Uint8Array, at: number): void {
  bytes[at] = length >>> 24;
  bytes[at + 1] = length >>> 16;
  bytes[at + 2] = length >>> 8;
  bytes[at + 3] = length;
}

/** Writes length and text; an absent text is told from an empty one. */
function writeText(text: string | undefined, bytes: Uint8Array, at: number): number {
  const end = text === undefined ? at + 4 : writeUtf8(text, bytes, at + 4);
  writeLength(text === undefined ? ABSENT : end - at - 4, bytes, at);
  return end;
}

/** The first 128 bits of the SHA-256 of the object's canonical encoding. */
export function objectFingerprint(fields: FingerprintFields, sha256Hex: Sha256Hex): bigint {
  const { objectId, parentId, name, contentHash, symlinkTarget } = fields;
  const texts = [objectId, parentId, name, contentHash, symlinkTarget];
  let length = FIXED_BYTES;
  for (const text of texts) if (text !== undefined) length += utf8Length(text);
  const bytes = new Uint8Array(length);
  bytes[0] = FORMAT;
  bytes[1] = KIND_CODES[fields.kind];
  bytes[2] = fields.executable ? 1 : 0;
  let at = 3;
  for (const text of texts) at = writeText(text, bytes, at);
  return BigInt(`0x${sha256Hex(bytes).slice(0, DIGEST_BITS / 4)}`);
}

/** The digest after an object has come to life. */
export function addTo(digest: Digest, fingerprint: bigint): Digest {
  return BigInt.asUintN(DIGEST_BITS, digest + fingerprint);
}

/** The digest after an object with this fingerprint is gone. A changed object is removed and added. */
export function removeFrom(digest: Digest, fingerprint: bigint): Digest {
  return BigInt.asUintN(DIGEST_BITS, digest - fingerprint);
}

/** 32 lower-case hex digits, as it travels and is stored. */
export function digestText(digest: Digest): string {
  return digest.toString(16).padStart(32, '0');
}

/** Reads `digestText`; undefined for anything else. */
export function parseDigest(text: string): Digest | undefined {
  return /^[0-9a-f]{32}$/.test(text) ? BigInt(`0x${text}`) : undefined;
}
