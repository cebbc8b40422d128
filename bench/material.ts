/** Contents to be synced: seeded, made outside of the clock. */
import { closeSync, fsyncSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { createHash } from 'node:crypto';
import { createCipheriv } from 'node:crypto';

/** Endless bytes that do not compress, the same for the same seed (AES-CTR of zeros). */
export function noise(seed: number): (length: number) => Buffer {
  const key = createHash('sha256').update(`noise ${seed}`).digest();
  const cipher = createCipheriv('aes-256-ctr', key, Buffer.alloc(16));
  return (length) => cipher.update(Buffer.alloc(length));
}

/** Writes `sizeBytes` of noise; hex SHA-256 of it. */
export function noiseFile(path: string, sizeBytes: number, seed: number): string {
  const next = noise(seed);
  return writeStream(path, sizeBytes, (length) => next(length));
}

/** Writes words in the frequencies of a natural language (Zipf), which zstd -3 shrinks to about a third. */
export function textFile(path: string, sizeBytes: number, seed: number): string {
  const next = textSource(seed);
  return writeStream(path, sizeBytes, next);
}

function textSource(seed: number): (length: number) => Buffer {
  const random = noise(seed);
  const words = Array.from({ length: 20_000 }, () => {
    const bytes = random(12);
    return Array.from(
      bytes.subarray(0, 2 + ((bytes[11] ?? 0) % 9)),
      (byte) => 'etaoinshrdlucmfwypvbgkjqxz'[byte % 26],
    ).join('');
  });
  return (length) => {
    const parts: string[] = [];
    for (let size = 0; size < length;) {
      const bytes = random(4096);
      for (let i = 0; i < 4096; i += 4) {
        const rank = Math.floor(Math.exp((bytes.readUInt32LE(i) / 2 ** 32) * Math.log(words.length)));
        const word = `${words[rank - 1] ?? ''}${i % 48 === 0 ? '.\n' : ' '}`;
        parts.push(word);
        size += word.length;
      }
    }
    return Buffer.from(parts.join('').slice(0, length));
  };
}

function writeStream(path: string, sizeBytes: number, next: (length: number) => Buffer): string {
  const hash = createHash('sha256');
  const fd = openSync(path, 'w');
  try {
    for (let left = sizeBytes; left > 0;) {
      const piece = next(Math.min(left, 4 << 20));
      hash.update(piece);
      for (let at = 0; at < piece.length;) at += writeSync(fd, piece, at);
      left -= piece.length;
    }
    fsyncSync(fd); // write-back of the material must not fall into the measurement
  } finally {
    closeSync(fd);
  }
  return hash.digest('hex');
}

export type Grid = { readonly folders: number; readonly filesPerFolder: number; readonly fileBytes: number };

/** Many small files: `folders` × `filesPerFolder`, each of noise. */
export function fileGrid(root: string, grid: Grid, seed: number): void {
  const next = noise(seed);
  for (let d = 0; d < grid.folders; d++) {
    const folder = join(root, gridFolder(d));
    mkdirSync(folder, { recursive: true });
    for (let f = 0; f < grid.filesPerFolder; f++) writeFileSync(join(folder, `file-${f}.bin`), next(grid.fileBytes));
  }
}

export function gridFolder(index: number): string {
  return `folder-${String(index).padStart(4, '0')}`;
}
