import { Buffer } from 'node:buffer';
import {
  decodeFrameHeader,
  encodeFrameHeader,
  FETCH_LIMITS,
  headerLength,
  type ChunkFrameHeader,
  type FrameFault,
  type ReadHeader,
} from '@satchel/core/frame.ts';

/** A frame in memory of its own, which may change threads. */
export function wholeFrame(header: ChunkFrameHeader, payload: Uint8Array): Buffer {
  const head = encodeFrameHeader(header, payload.length);
  const frame = Buffer.allocUnsafeSlow(head.length + payload.length);
  frame.set(head);
  frame.set(payload, head.length);
  return frame;
}

/** Is told what is found in a stream of frames. Payload pieces are views of the bytes pushed. */
export interface FrameVisitor {
  head(header: ReadHeader): void;
  /** In order; together `payloadLength` bytes. */
  payload(piece: Uint8Array): void;
  /** The frame is complete. */
  end(): void;
}

/** Longer than any header. */
const HEADER_ROOM_BYTES = 128;
/** So many bytes tell how long a header is. */
const DECIDING_BYTES = 2;

/**
 * Takes frames apart without putting payloads together, unlike `core/frame-reader.ts`: a raw chunk is hashed and
 * written piece by piece as it arrives.
 */
export class FrameSplitter {
  readonly #visitor: FrameVisitor;
  readonly #header = new Uint8Array(HEADER_ROOM_BYTES);
  #headerLength = 0;
  /** Bytes of the payload still to come; -1 between frames. */
  #left = -1;
  #fault: FrameFault['reason'] | undefined;

  constructor(visitor: FrameVisitor) {
    this.#visitor = visitor;
  }

  /** Stops at the first fault, which is returned again with every later call. */
  push(bytes: Uint8Array): FrameFault['reason'] | undefined {
    for (let at = 0; at < bytes.length && this.#fault === undefined;) {
      if (this.#left < 0) {
        at = this.#readHeader(bytes, at);
        continue;
      }
      const piece = bytes.subarray(at, at + this.#left);
      this.#visitor.payload(piece);
      at += piece.length;
      this.#left -= piece.length;
      if (this.#left > 0) break;
      this.#left = -1;
      this.#visitor.end();
    }
    return this.#fault;
  }

  /** The fault of a stream that ends here. */
  finish(): FrameFault['reason'] | undefined {
    return this.#fault ?? (this.#left >= 0 || this.#headerLength > 0 ? 'truncated' : undefined);
  }

  #readHeader(bytes: Uint8Array, from: number): number {
    const at = this.#gather(DECIDING_BYTES, bytes, from);
    if (this.#headerLength < DECIDING_BYTES) return at;
    const wanted = headerLength(this.#header[0] ?? 0, this.#header[1] ?? 0);
    if (!wanted.ok) {
      this.#fault = wanted.fault;
      return at;
    }
    const end = this.#gather(wanted.value, bytes, at);
    if (this.#headerLength < wanted.value) return end;
    this.#headerLength = 0;
    const header = decodeFrameHeader(this.#header.subarray(0, wanted.value), FETCH_LIMITS);
    if (!header.ok) this.#fault = header.fault;
    else {
      this.#visitor.head(header.value);
      this.#left = header.value.payloadLength;
    }
    return end;
  }

  /** Takes what is missing of the first `wanted` header bytes; returns the new position. */
  #gather(wanted: number, bytes: Uint8Array, at: number): number {
    const end = Math.min(bytes.length, at + Math.max(0, wanted - this.#headerLength));
    this.#header.set(bytes.subarray(at, end), this.#headerLength);
    this.#headerLength += end - at;
    return end;
  }
}
