import type { Buffer } from 'node:buffer';
import { bytesOf, copyBytes, type Region, type SharedMemory } from './hash-memory.ts';
import type { SharedBytes } from './hash-messages.ts';

const BLOCK_BYTES = 512 * 1024;
/** Blocks of one stream that are on their way to be decoded. */
const BLOCKS_AHEAD = 6;

export interface FeedOptions {
  readonly memory: SharedMemory;
  readonly signal: AbortSignal;
  /** Of the whole stream, so that a short one takes little memory. */
  readonly expectedBytes: number;
  readonly send: (block: SharedBytes) => void;
  readonly end: () => void;
}

/** Gathers a stream into blocks of shared memory for a decoder on another thread. */
export class DecoderFeed {
  readonly #options: FeedOptions;
  readonly #blockBytes: number;
  readonly #ahead: Region[] = [];
  #block: { readonly region: Region; readonly bytes: Buffer } | undefined;
  #filled = 0;
  #waiting: PromiseWithResolvers<void> | undefined;
  #failure: { readonly error: unknown } | undefined;

  constructor(options: FeedOptions) {
    this.#options = options;
    this.#blockBytes = Math.min(BLOCK_BYTES, options.expectedBytes + 4096);
  }

  push(bytes: Uint8Array): Promise<void> | undefined {
    if (this.#failure !== undefined) throw this.#failure.error;
    const at = this.#fill(bytes, 0);
    return at < bytes.length ? this.#pushRest(bytes, at) : undefined;
  }

  finish(): void {
    if (this.#failure !== undefined) return;
    this.#flush();
    this.#options.end();
  }

  /** The oldest block is no longer needed. */
  used(): void {
    this.#ahead.shift()?.[Symbol.dispose]();
    this.#waiting?.resolve();
  }

  /** The decoder is gone; nothing reads the blocks any more. */
  close(error: unknown): void {
    this.#failure ??= { error };
    this.#block?.region[Symbol.dispose]();
    this.#block = undefined;
    for (const region of this.#ahead.splice(0)) region[Symbol.dispose]();
    this.#waiting?.resolve();
  }

  /** Returns how much of the bytes found room at once. */
  #fill(bytes: Uint8Array, from: number): number {
    let at = from;
    while (at < bytes.length) {
      if (this.#block === undefined && !this.#open()) return at;
      at = this.#copy(bytes, at);
    }
    return at;
  }

  #copy(bytes: Uint8Array, at: number): number {
    const block = this.#block;
    if (block === undefined) return at;
    const length = Math.min(bytes.length - at, block.bytes.length - this.#filled);
    copyBytes(length === bytes.length ? bytes : bytes.subarray(at, at + length), block.bytes, this.#filled);
    this.#filled += length;
    if (this.#filled === block.bytes.length) this.#flush();
    return at + length;
  }

  #open(): boolean {
    if (this.#ahead.length >= BLOCKS_AHEAD) return false;
    const region = this.#options.memory.tryTake(this.#blockBytes);
    if (region !== undefined) this.#block = { region, bytes: bytesOf(region) };
    return region !== undefined;
  }

  async #pushRest(bytes: Uint8Array, from: number): Promise<void> {
    for (let at = from; at < bytes.length; at = this.#fill(bytes, at)) {
      if (this.#block === undefined) await this.#awaitBlock();
      if (this.#failure !== undefined) throw this.#failure.error;
    }
  }

  async #awaitBlock(): Promise<void> {
    while (this.#ahead.length >= BLOCKS_AHEAD && this.#failure === undefined) {
      this.#waiting ??= Promise.withResolvers();
      await this.#waiting.promise;
      this.#waiting = undefined;
    }
    if (this.#failure !== undefined) return;
    const region = await this.#options.memory.take(this.#blockBytes, this.#options.signal);
    if (this.#failure === undefined) this.#block = { region, bytes: bytesOf(region) };
    else region[Symbol.dispose]();
  }

  #flush(): void {
    const block = this.#block;
    if (block === undefined || this.#filled === 0) return;
    const { buffer, offset } = block.region;
    const length = this.#filled;
    this.#block = undefined;
    this.#filled = 0;
    this.#ahead.push(block.region);
    this.#options.send({ buffer, offset, length });
  }
}
