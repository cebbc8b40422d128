import { Buffer } from 'node:buffer';
import { createHash, type Hash } from 'node:crypto';
import { applyDelta } from '@satchel/core/delta.ts';
import type { DecodeFault, DecodeOutcome, WantedChunk } from '../ports/hashing.ts';
import { createSourceFiles, createTargetFiles } from './hash-worker-copy.ts';
import { decompressed } from './hash-worker-compress.ts';
import { sha256Hex } from './hash-worker-files.ts';
import { FrameSplitter } from './hash-worker-frames.ts';
import type { ChunkFrameHeader, ReadHeader } from '@satchel/core/frame.ts';

/** Takes the answer of `POST /chunks/fetch` apart and writes the chunks where they are wanted. */
export interface FrameDecoder extends Disposable {
  /** Throws when a target cannot be written. */
  push(bytes: Uint8Array): void;
  finish(): DecodeOutcome;
}

/** The chunk whose frame is being read. */
interface Current {
  readonly head: ReadHeader;
  readonly index: number;
  readonly chunk: WantedChunk;
  /** raw: hashed and written piece by piece, so that nothing is put together. */
  readonly hash: Hash | undefined;
  /** Others: the payload, put together. */
  readonly payload: Buffer | undefined;
  length: number;
}

export function createFrameDecoder(
  wanted: readonly WantedChunk[],
  done: (indices: readonly number[]) => void,
): FrameDecoder {
  return new Decoding(wanted, done);
}

class Decoding implements FrameDecoder {
  readonly #wanted: readonly WantedChunk[];
  readonly #done: (indices: readonly number[]) => void;
  readonly #missing: Set<number>;
  readonly #targets = createTargetFiles();
  readonly #bases = createSourceFiles();
  readonly #reader = new FrameSplitter({
    head: (head) => this.#begin(head),
    payload: (piece) => this.#take(piece),
    end: () => this.#end(),
  });
  /** Answers come in the order asked; those that the server leaves out are skipped. */
  #next = 0;
  #current: Current | undefined;
  #fault: DecodeFault | undefined;
  #finished: number[] = [];

  constructor(wanted: readonly WantedChunk[], done: (indices: readonly number[]) => void) {
    this.#wanted = wanted;
    this.#done = done;
    this.#missing = new Set(wanted.keys());
  }

  push(bytes: Uint8Array): void {
    if (this.#fault?.code === 'frame_invalid') return;
    const fault = this.#reader.push(bytes);
    if (fault !== undefined) this.#fault = { code: 'frame_invalid', detail: fault };
    this.#report();
  }

  finish(): DecodeOutcome {
    this[Symbol.dispose]();
    const fault = this.#reader.finish();
    if (fault !== undefined) this.#fault ??= { code: 'frame_invalid', detail: fault };
    const missing = [...this.#missing];
    return this.#fault === undefined ? { missing } : { missing, fault: this.#fault };
  }

  [Symbol.dispose](): void {
    this.#targets[Symbol.dispose]();
    this.#bases[Symbol.dispose]();
  }

  #report(): void {
    if (this.#finished.length === 0) return;
    this.#done(this.#finished);
    this.#finished = [];
  }

  #begin(head: ReadHeader): void {
    this.#current = undefined;
    const index = this.#find(head);
    const chunk = this.#wanted[index];
    if (chunk === undefined) {
      this.#fault ??= { code: 'frame_invalid', detail: `chunk ${head.chunkId} was not asked for` };
      return;
    }
    this.#next = index + 1;
    const isRaw = head.kind === 'chunk' && head.encoding === 'raw';
    this.#current = {
      head,
      index,
      chunk,
      hash: isRaw ? createHash('sha256') : undefined,
      payload: isRaw ? undefined : Buffer.allocUnsafeSlow(head.payloadLength),
      length: 0,
    };
  }

  #find(head: ReadHeader): number {
    for (let index = this.#next; index < this.#wanted.length; index++) {
      const chunk = this.#wanted[index];
      if (chunk?.id !== head.chunkId) continue;
      return head.kind === 'failure' || chunk.size === head.rawSize ? index : -1;
    }
    return -1;
  }

  #take(piece: Uint8Array): void {
    const current = this.#current;
    if (current === undefined) return;
    if (current.payload !== undefined) current.payload.set(piece, current.length);
    else {
      current.hash?.update(piece);
      for (const target of current.chunk.targets) this.#targets.write(target, piece, current.length);
    }
    current.length += piece.length;
  }

  #end(): void {
    const current = this.#current;
    this.#current = undefined;
    if (current === undefined) return;
    const { head, index, chunk, hash } = current;
    if (head.kind === 'failure') {
      const detail = current.payload?.toString('ascii') ?? '';
      this.#fault ??= { code: 'refused', detail, index };
      return;
    }
    if (hash !== undefined) {
      if (hash.digest('hex') === chunk.id) this.#complete(index, chunk);
      else this.#refuse(index, `the bytes sent for chunk ${chunk.id} are not its own`);
      return;
    }
    const bytes = this.#rebuilt(head, current);
    if (bytes === undefined) return;
    if (bytes.length !== chunk.size || sha256Hex(bytes) !== chunk.id) {
      this.#refuse(index, `what was sent for chunk ${chunk.id} does not decode to it`);
      return;
    }
    for (const target of chunk.targets) this.#targets.write(target, bytes, 0);
    this.#complete(index, chunk);
  }

  #complete(index: number, chunk: WantedChunk): void {
    for (const target of chunk.targets) this.#targets.finish(target);
    this.#missing.delete(index);
    this.#finished.push(index);
  }

  #refuse(index: number, detail: string): void {
    this.#fault ??= { code: 'hash_mismatch', detail, index };
  }

  /** Undefined when there is nothing to rebuild from; the fault is set then. */
  #rebuilt(head: ChunkFrameHeader, { chunk, index, payload = Buffer.alloc(0) }: Current): Uint8Array | undefined {
    if (head.encoding === 'zstd') return decompressed(payload, chunk.size) ?? Buffer.alloc(0);
    const { base } = chunk;
    const bytes = base !== undefined && base.id === head.baseId ? this.#bases.read(base.path, base) : undefined;
    if (bytes === undefined) {
      this.#fault ??= { code: 'base_gone', detail: `chunk ${head.baseId} is no longer on this disk`, index };
      return undefined;
    }
    if (head.encoding === 'zstd-base') return decompressed(payload, chunk.size, bytes) ?? Buffer.alloc(0);
    const rebuilt = applyDelta(bytes, payload, chunk.size);
    return rebuilt.ok ? rebuilt.value : Buffer.alloc(0);
  }
}
