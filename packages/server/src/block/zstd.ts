import { promisify } from 'node:util';
import zlib, { type ZstdOptions } from 'node:zlib';

/**
 * zstd (RFC 8878) with bounds, since the bytes may be hostile: no output beyond the announced size is allocated and
 * no frame may ask for a window beyond 8 MiB.
 */
const WINDOW_LOG = 23;
const LEVEL = 3;
/** Least that zlib takes. */
const MIN_OUTPUT_BYTES = 64;
/** Compression up to this size is quicker on the spot (5 ms) than on another thread, which doubles its CPU time. */
const ON_THE_SPOT_BYTES = 1024 * 1024;
/** For a dictionary of up to 4 MiB; the default tables of level 3 would miss most of its matches. */
const DICTIONARY_TABLE_LOG = 20;

const { ZSTD_c_compressionLevel, ZSTD_c_windowLog, ZSTD_c_hashLog, ZSTD_c_chainLog, ZSTD_d_windowLogMax } =
  zlib.constants;

const compressElsewhere = promisify<Uint8Array, ZstdOptions, Buffer>(zlib.zstdCompress);

/** The `rawSize` bytes that `frame` stands for, or undefined when it is not a zstd frame of exactly that size. */
export function decompressBounded(frame: Uint8Array, rawSize: number, dictionary?: Uint8Array): Uint8Array | undefined {
  try {
    const { buffer, engine } = zlib.zstdDecompressSync(frame, {
      chunkSize: Math.max(rawSize, MIN_OUTPUT_BYTES),
      maxOutputLength: Math.max(rawSize, 1),
      params: { [ZSTD_d_windowLogMax]: WINDOW_LOG },
      info: true,
      ...(dictionary === undefined ? {} : { dictionary }),
    }) as unknown as { readonly buffer: Uint8Array; readonly engine: { readonly bytesWritten: number } };
    return buffer.length === rawSize && engine.bytesWritten === frame.length ? buffer : undefined;
  } catch (error) {
    if (error instanceof Error && 'code' in error) return undefined;
    throw error;
  }
}

async function compressWith(raw: Uint8Array, options: ZstdOptions): Promise<Uint8Array> {
  return raw.length <= ON_THE_SPOT_BYTES ? zlib.zstdCompressSync(raw, options) : compressElsewhere(raw, options);
}

export function compress(raw: Uint8Array): Promise<Uint8Array> {
  return compressWith(raw, { params: { [ZSTD_c_compressionLevel]: LEVEL } });
}

/** `raw` as a difference against `dictionary`: about 200 bytes for a small edit of 1 MiB. */
export function compressAgainst(raw: Uint8Array, dictionary: Uint8Array): Promise<Uint8Array> {
  return compressWith(raw, {
    dictionary,
    params: {
      [ZSTD_c_compressionLevel]: LEVEL,
      [ZSTD_c_windowLog]: WINDOW_LOG,
      [ZSTD_c_hashLog]: DICTIONARY_TABLE_LOG,
      [ZSTD_c_chainLog]: DICTIONARY_TABLE_LOG,
    },
  });
}

const SAMPLE_BYTES = 4096;
const SAMPLES = 4;
const COMPRESSIBLE_BITS = 7;

/** Order-0 entropy of a sample, in bits per byte (Shannon 1948). About 20 µs, where trying zstd takes milliseconds. */
export function looksCompressible(raw: Uint8Array): boolean {
  const counts = new Uint32Array(256);
  let total = 0;
  for (let sample = 0; sample < SAMPLES; sample++) {
    const from = Math.floor((Math.max(0, raw.length - SAMPLE_BYTES) * sample) / (SAMPLES - 1));
    const to = Math.min(raw.length, from + SAMPLE_BYTES);
    for (let at = from; at < to; at++) counts[raw[at] as number] = (counts[raw[at] as number] as number) + 1;
    total += to - from;
  }
  let bits = 0;
  for (const count of counts) if (count > 0) bits -= count * Math.log2(count / total);
  return bits / total < COMPRESSIBLE_BITS;
}
