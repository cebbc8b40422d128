/** A piece of memory that both threads see. Given back when disposed. */
export interface Region extends Disposable {
  readonly buffer: SharedArrayBuffer;
  readonly offset: number;
  readonly length: number;
}

/**
 * Bounded memory for bytes on their way between threads. It is used again and again: handing over fresh buffers costs
 * more in garbage collection (external memory) than hashing them.
 */
export interface SharedMemory {
  /** Waits, in turn, while there is no room. At most the whole of it. */
  take(length: number, signal: AbortSignal): Promise<Region>;
  /** At once, or not at all. */
  tryTake(length: number): Region | undefined;
  /** Lets go of the memory when nothing of it is in use. */
  rest(): void;
}

interface Waiting {
  readonly length: number;
  readonly resolve: (region: Region) => void;
}

export function createSharedMemory(capacityBytes: number): SharedMemory {
  let buffer: SharedArrayBuffer | undefined;
  /** Pieces in use, by offset. */
  const used: { readonly offset: number; readonly length: number }[] = [];
  const waiting: Waiting[] = [];

  /** First fit. */
  function allocate(length: number): Region | undefined {
    let offset = 0;
    let index = 0;
    for (; index < used.length; index++) {
      const next = used[index];
      if (next === undefined || next.offset - offset >= length) break;
      offset = next.offset + next.length;
    }
    if (capacityBytes - offset < length) return undefined;
    const piece = { offset, length };
    used.splice(index, 0, piece);
    buffer ??= new SharedArrayBuffer(capacityBytes);
    return { buffer, offset, length, [Symbol.dispose]: () => release(piece) };
  }

  function release(piece: (typeof used)[number]): void {
    const index = used.indexOf(piece);
    if (index < 0) return;
    used.splice(index, 1);
    for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
      const region = allocate(next.length);
      if (region === undefined) return;
      waiting.shift();
      next.resolve(region);
    }
  }

  const tryTake = (length: number): Region | undefined => (waiting.length > 0 ? undefined : allocate(length));

  return {
    tryTake,
    async take(length, signal) {
      if (length > capacityBytes) throw new RangeError(`${length} bytes are more than there are (${capacityBytes})`);
      signal.throwIfAborted();
      const region = tryTake(length);
      if (region !== undefined) return region;
      const { promise, resolve, reject } = Promise.withResolvers<Region>();
      const entry: Waiting = { length, resolve };
      const abort = (): void => {
        const index = waiting.indexOf(entry);
        if (index < 0) return;
        waiting.splice(index, 1);
        reject(signal.reason);
      };
      waiting.push(entry);
      signal.addEventListener('abort', abort, { once: true });
      return promise.finally(() => signal.removeEventListener('abort', abort));
    },
    rest() {
      if (used.length === 0) buffer = undefined;
    },
  };
}

/** `set` copies into shared memory byte by byte where the two are not aligned alike: ten times as long. */
export function copyBytes(from: Uint8Array, to: Uint8Array, at = 0): void {
  Buffer.from(from.buffer, from.byteOffset, from.length).copy(to, at);
}

/** The bytes of a region, or of the first part of it. */
export function bytesOf(region: Pick<Region, 'buffer' | 'offset' | 'length'>, length = region.length): Buffer {
  return Buffer.from(region.buffer, region.offset, length);
}
