import { hash } from 'node:crypto';
import { zstdDecompressSync } from 'node:zlib';
import { decompressed } from '@satchel/client/adapters/hash-worker-compress.ts';
import { encodedForm } from '@satchel/client/adapters/hash-worker-encode.ts';
import { applyDelta } from '@satchel/core/delta.ts';
import { MIN_CHUNK_BYTES } from '@satchel/core/chunker.ts';
import { encodeFrameHeader, FETCH_LIMITS, type ChunkFrame } from '@satchel/core/frame.ts';
import { createFrameReader } from '@satchel/core/frame-reader.ts';
import { contentHash } from '@satchel/core/manifest.ts';
import { encodeSignature, signatureOf } from '@satchel/core/signature.ts';
import type { ChunkId } from '@satchel/protocol/ids.ts';
import type { ChunkRef } from '@satchel/protocol/objects.ts';
import type {
  ChunkSource,
  ChunkTarget,
  DecodeFault,
  Hashing,
  ScanResult,
  WantedChunk,
} from '@satchel/client/ports/hashing.ts';
import { relative, statOf } from './disk-port.ts';
import { DiskError, type SimDisk } from './disk.ts';
import type { Incarnation } from './machine.ts';

export const sha256 = (bytes: Uint8Array): string => hash('sha256', bytes);
const sha256Bytes = (bytes: Uint8Array): Uint8Array => hash('sha256', bytes, 'buffer');

/** Where long contents are cut: not by what is in them, but each time at the same places. */
const CUT_BYTES = MIN_CHUNK_BYTES + 1000;

export function chunksOf(data: Buffer): readonly ChunkRef[] {
  if (data.length <= MIN_CHUNK_BYTES)
    return data.length === 0 ? [] : [{ id: sha256(data) as ChunkId, size: data.length }];
  const chunks: ChunkRef[] = [];
  for (let at = 0; at < data.length; at += CUT_BYTES) {
    const bytes = data.subarray(at, at + CUT_BYTES);
    chunks.push({ id: sha256(bytes) as ChunkId, size: bytes.length });
  }
  return chunks;
}

export interface Packing {
  /** Chunks go compressed, and as differences against older ones, as the hashing threads send them. */
  readonly isPacking: boolean;
}

/** Hashing on the simulated disk. Reading takes time and may be overtaken by writers. */
export function createSimHashing(disk: SimDisk, incarnation: Incarnation, { isPacking }: Packing): Hashing {
  const { chance, faults } = incarnation;
  const pause = () => incarnation.sleep(chance.between(0, 3 * faults.slowReading));

  async function scanOne(absolute: string): Promise<ScanResult> {
    const path = relative(absolute);
    const inode = disk.find(path);
    incarnation.check();
    if (inode === undefined) return { outcome: 'unreadable', code: 'ENOENT', message: path };
    if (inode.type === 'folder') return { outcome: 'unreadable', code: 'EISDIR', message: path };
    if (inode.type === 'symlink') return { outcome: 'unreadable', code: 'ELOOP', message: path };
    if (chance.happens(faults.diskError))
      return { outcome: 'unreadable', code: chance.pick(['EIO', 'EACCES']), message: path };
    const before = statOf(inode);
    // In two pieces, as a read may be cut anywhere by a writer.
    const middle = chance.below(inode.data.length + 1);
    const head = inode.data.subarray(0, middle);
    if (chance.happens(0.5)) await pause();
    const data = Buffer.concat([head, inode.data.subarray(middle)]);
    const chunks = chunksOf(data);
    const result = { size: data.length, hash: contentHash(chunks, sha256), chunks, signatures: [] };
    return { outcome: 'scanned', before, after: statOf(inode), ...result };
  }

  function chunkAt({ path, id, size, offset }: Omit<ChunkSource, 'against'>): Buffer | undefined {
    const inode = disk.find(relative(path));
    if (inode?.type !== 'file') return undefined;
    const bytes = inode.data.subarray(offset, offset + size);
    return sha256(bytes) === id ? bytes : undefined;
  }

  function frameOf(source: ChunkSource, bytes: Buffer): readonly Uint8Array[] {
    const packed = isPacking ? encodedForm(bytes, source, source.against) : undefined;
    if (packed?.form === 'frame') return [packed.bytes];
    const header = {
      kind: 'chunk',
      chunkId: source.id,
      encoding: 'raw',
      rawSize: source.size,
      baseId: undefined,
    } as const;
    return [encodeFrameHeader(header, bytes.length), bytes];
  }

  /** Undefined: what it was to be rebuilt from is not there any more. */
  function unpacked({ encoding, payload, rawSize, baseId }: ChunkFrame, base: WantedChunk['base']): Buffer | undefined {
    if (encoding === 'zstd') return zstdDecompressSync(payload);
    if (encoding === 'raw') return Buffer.from(payload);
    const old = base !== undefined && base.id === baseId ? chunkAt(base) : undefined;
    if (old === undefined) return undefined;
    if (encoding === 'zstd-base') return decompressed(payload, rawSize, old) ?? Buffer.alloc(0);
    const rebuilt = applyDelta(old, payload, rawSize);
    return Buffer.from(rebuilt.ok ? rebuilt.value : []);
  }

  function write({ path: absolute, offset, finish }: ChunkTarget, bytes: Buffer): void {
    incarnation.check();
    const path = relative(absolute);
    if (chance.happens(faults.diskError)) throw new DiskError(chance.pick(['ENOSPC', 'EIO']), path);
    const inode = disk.find(path) ?? disk.create(path, 'file');
    const data = Buffer.alloc(Math.max(inode.data.length, offset + bytes.length));
    inode.data.copy(data);
    bytes.copy(data, offset);
    disk.write(inode, data, { path });
    if (finish?.executable) disk.chmod(path, inode.mode | 0o111);
    if (finish !== undefined) disk.setTimes(inode, BigInt(Math.round(finish.mtimeMs)) * 1_000_000n);
  }

  return {
    async scan(files) {
      await pause();
      const results: ScanResult[] = [];
      for (const { path } of files) results.push(await scanOne(path));
      if (chance.happens(0.5)) await pause();
      return results;
    },
    stream: () => Promise.reject(new Error('not simulated')),
    async encodeBatch(sources) {
      await pause();
      incarnation.check();
      const parts: Uint8Array[] = [];
      const lengths = sources.map((source) => {
        const bytes = chunkAt(source);
        if (bytes === undefined) return 0;
        const frame = frameOf(source, bytes);
        parts.push(...frame);
        return frame.reduce((length, part) => length + part.length, 0);
      });
      return { body: new Uint8Array(Buffer.concat(parts)), lengths };
    },
    async encodeChunk(source) {
      await pause();
      const bytes = chunkAt(source);
      if (bytes === undefined) return undefined;
      const form = isPacking ? encodedForm(bytes, source, source.against) : ({ form: 'raw', bytes } as const);
      return { ...form, [Symbol.dispose]: () => undefined };
    },
    async prove(source, nonce) {
      await pause();
      const bytes = chunkAt(source);
      return bytes === undefined ? undefined : sha256(Buffer.concat([Buffer.from(`${nonce}\n`), bytes]));
    },
    async sign(path, chunks) {
      await pause();
      return chunks.flatMap((chunk) => {
        const bytes = chunkAt({ ...chunk, path });
        return bytes === undefined ? [] : [{ id: chunk.id, blocks: encodeSignature(signatureOf(bytes, sha256Bytes)) }];
      });
    },
    async copyLocal(copies) {
      await pause();
      const done: number[] = [];
      for (const [index, { from, targets, ...chunk }] of copies.entries()) {
        const bytes = chunkAt({ ...chunk, ...from });
        if (bytes === undefined) continue;
        for (const target of targets) write(target, bytes);
        done.push(index);
      }
      return done;
    },
    openDecoder({ wanted, done }) {
      const reader = createFrameReader(FETCH_LIMITS);
      const missing = new Set(wanted.keys());
      let fault: DecodeFault | undefined;
      const take = (frame: ChunkFrame, index: number) => {
        const bytes = unpacked(frame, wanted[index]!.base);
        if (bytes === undefined) {
          fault ??= { code: 'base_gone', detail: 'it was edited', index };
          return;
        }
        if (sha256(bytes) !== frame.chunkId) {
          fault ??= { code: 'hash_mismatch', detail: 'not its bytes', index };
          return;
        }
        for (const target of wanted[index]!.targets) write(target, bytes);
        missing.delete(index);
        done([index]);
      };
      return {
        push(bytes) {
          const step = reader.push(Buffer.from(bytes));
          if (step.fault !== undefined) fault ??= { code: 'frame_invalid', detail: step.fault.reason };
          for (const frame of step.frames) {
            const index = wanted.findIndex(({ id }, at) => missing.has(at) && id === frame.chunkId);
            if (index < 0) fault ??= { code: 'frame_invalid', detail: 'not asked for' };
            else if (frame.kind === 'failure') fault ??= { code: 'refused', detail: frame.code, index };
            else take(frame, index);
          }
          return undefined;
        },
        async finish() {
          await pause();
          const cut = reader.finish();
          if (cut !== undefined) fault ??= { code: 'frame_invalid', detail: cut.reason };
          return { missing: [...missing], ...(fault === undefined ? {} : { fault }) };
        },
      };
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
}
