import zlib from 'node:zlib';
import type { Buffer } from 'node:buffer';

/**
 * zstd (RFC 8878). What comes from the server may be hostile: no output beyond the announced size is allocated, and no
 * frame may ask for a window beyond 8 MiB.
 */
const WINDOW_LOG = 23;
const LEVEL = 3;
/**
 * Chunks begin without history, which costs text 2.5 % against one frame for the whole file. Larger tables than level 3
 * takes for a chunk bring that to 1.5 % at the same speed; for short inputs clearing them would cost more than it gains.
 */
const TABLE_LOG = 19;
const LARGE_TABLES_FROM_BYTES = 256 * 1024;
/** Least that zlib takes. */
const MIN_OUTPUT_BYTES = 64;

/** Shorter ones gain less than the frame costs in work. */
const MIN_WORTH_BYTES = 128;
/** A frame must be at most this part of the chunk. */
const WORTHWHILE = 0.95;

const SAMPLE_BYTES = 4096;
const SAMPLES = 4;
const COMPRESSIBLE_BITS = 7.2;

const { ZSTD_c_compressionLevel, ZSTD_c_hashLog, ZSTD_c_chainLog, ZSTD_d_windowLogMax } = zlib.constants;
const SMALL = { [ZSTD_c_compressionLevel]: LEVEL };
const LARGE = { ...SMALL, [ZSTD_c_hashLog]: TABLE_LOG, [ZSTD_c_chainLog]: TABLE_LOG };

/** Order-0 entropy of a sample in bits per byte (Shannon 1948): some 20 µs, where trying zstd takes milliseconds. */
function entropyBits(raw: Uint8Array): number {
  const counts = new Uint32Array(256);
  let total = 0;
  const samples = raw.length > SAMPLES * SAMPLE_BYTES ? SAMPLES : 1;
  for (let sample = 0; sample < samples; sample++) {
    const from = samples === 1 ? 0 : Math.floor(((raw.length - SAMPLE_BYTES) * sample) / (samples - 1));
    const to = Math.min(raw.length, from + SAMPLE_BYTES);
    for (let at = from; at < to; at++) counts[raw[at] as number] = (counts[raw[at] as number] as number) + 1;
    total += to - from;
  }
  let bits = 0;
  for (const count of counts) if (count > 0) bits -= count * Math.log2(count / total);
  return bits / total;
}

/** The chunk's zstd frame, or undefined when it would hardly be shorter. */
export function compressed(raw: Uint8Array): Buffer | undefined {
  if (raw.length < MIN_WORTH_BYTES || entropyBits(raw) > COMPRESSIBLE_BITS) return undefined;
  const params = raw.length < LARGE_TABLES_FROM_BYTES ? SMALL : LARGE;
  const frame = zlib.zstdCompressSync(raw, { params, pledgedSrcSize: raw.length });
  return frame.length <= raw.length * WORTHWHILE ? frame : undefined;
}

/** The `size` bytes that `frame` stands for; undefined when it is not a zstd frame of exactly that size. */
export function decompressed(frame: Uint8Array, size: number, dictionary?: Uint8Array): Buffer | undefined {
  try {
    const { buffer, engine } = zlib.zstdDecompressSync(frame, {
      chunkSize: Math.max(size, MIN_OUTPUT_BYTES),
      maxOutputLength: Math.max(size, 1),
      params: { [ZSTD_d_windowLogMax]: WINDOW_LOG },
      info: true,
      ...(dictionary === undefined ? {} : { dictionary }),
    }) as unknown as { readonly buffer: Buffer; readonly engine: { readonly bytesWritten: number } };
    return buffer.length === size && engine.bytesWritten === frame.length ? buffer : undefined;
  } catch (error) {
    if (error instanceof Error && 'code' in error) return undefined;
    throw error;
  }
}
