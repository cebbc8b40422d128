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

/** So much at each of these distances. */
const SAMPLE_BYTES = 512;
const SAMPLE_EVERY_BYTES = 64 * 1024;
const COMPRESSIBLE_BITS = 7;
/** Fewer bytes than this of random content look ordered. */
const MIN_SAMPLE_BYTES = 1024;

/** Order-0 entropy of a sample, in bits per byte (Shannon 1948). About 20 µs, where trying zstd takes milliseconds. */
export function looksCompressible(parts: readonly Uint8Array[]): boolean {
  const counts = new Uint32Array(256);
  let total = 0;
  for (const part of parts)
    for (let from = 0; from < part.length; from += SAMPLE_EVERY_BYTES) {
      const sample = part.subarray(from, from + SAMPLE_BYTES);
      for (const byte of sample) counts[byte] = (counts[byte] as number) + 1;
      total += sample.length;
    }
  if (total < MIN_SAMPLE_BYTES) return true;
  let bits = 0;
  for (const count of counts) if (count > 0) bits -= count * Math.log2(count / total);
  return bits / total < COMPRESSIBLE_BITS;
}
