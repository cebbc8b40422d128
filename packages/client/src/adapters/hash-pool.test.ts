import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { test, type TestContext } from 'node:test';
import zlib from 'node:zlib';
import { createChunker } from '@satchel/core/chunker.ts';
import { contentHash } from '@satchel/core/manifest.ts';
import { encodeFailureFrame, encodeFrameHeader, type ChunkEncoding } from '@satchel/core/frame.ts';
import type { ChunkId } from '@satchel/protocol/ids.ts';
import type { ChunkAt, ScanResult, StreamedChunk, WantedChunk } from '../ports/hashing.ts';
import { chunkIdOf } from '../transfer/testing/memory-server.ts';
import { createHashPool, type HashPoolOptions } from './hash-pool.ts';

const never = new AbortController().signal;

function setUp(t: TestContext, options: HashPoolOptions = {}) {
  const root = fs.mkdtempSync(join(tmpdir(), 'satchel-hash-'));
  const pool = createHashPool(options);
  t.after(async () => {
    await pool[Symbol.asyncDispose]();
    fs.rmSync(root, { recursive: true });
  });
  const put = (name: string, bytes: Uint8Array): string => {
    fs.writeFileSync(join(root, name), bytes);
    return join(root, name);
  };
  return { pool, root, put };
}

function cutByReference(bytes: Uint8Array): { id: ChunkId; size: number }[] {
  const chunker = createChunker();
  const chunks = [...chunker.push(bytes)];
  const last = chunker.finish();
  if (last !== undefined) chunks.push(last);
  return chunks.map((chunk) => ({ id: chunkIdOf(chunk), size: chunk.length }));
}

function scanned(result: ScanResult | undefined): Extract<ScanResult, { outcome: 'scanned' }> {
  assert.ok(result?.outcome === 'scanned', JSON.stringify(result));
  return result;
}

function placed(chunks: readonly { id: ChunkId; size: number }[]): ChunkAt[] {
  let offset = 0;
  return chunks.map(({ id, size }) => ({ id, size, offset: (offset += size) - size }));
}

test('H16 files of every size are cut as the reference cuts them', async (t) => {
  const { pool, put } = setUp(t);
  const mib = 1024 * 1024;
  const sizes = [
    0,
    1,
    256 * 1024 - 1,
    256 * 1024,
    256 * 1024 + 1,
    4 * mib,
    4 * mib + 1,
    12 * mib,
    12 * mib + 1,
    29 * mib,
  ];
  const contents = [...sizes.map((size) => randomBytes(size)), Buffer.alloc(9 * mib)];
  const requests = contents.map((bytes, index) => ({ path: put(`f${index}`, bytes) }));
  const results = await pool.scan(requests, never);
  for (const [index, bytes] of contents.entries()) {
    const result = scanned(results[index]);
    assert.deepEqual(result.chunks, cutByReference(bytes), `${bytes.length} bytes`);
    assert.equal(result.size, bytes.length);
    assert.deepEqual(result.before, result.after);
  }
  assert.equal(scanned(results[0]).hash, createHash('sha256').digest('hex'));
});

test('with an earlier chunk list the cuts are the same as without', async (t) => {
  const { pool, put } = setUp(t);
  const bytes = randomBytes(11 * 1024 * 1024);
  const [before] = await pool.scan([{ path: put('file', bytes) }], never);
  const base = scanned(before).chunks;
  const part = (from: number, to?: number): Buffer => bytes.subarray(from, to);
  const edits: Record<string, Buffer> = {
    nothing: bytes,
    'in place': Buffer.concat([part(0, 5_000_000), Buffer.from('edit'), part(5_000_004)]),
    'at the head': Buffer.concat([Buffer.from('x'), bytes]),
    'removed at the head': part(100),
    'in the middle': Buffer.concat([part(0, 6_000_000), randomBytes(777), part(6_000_000)]),
    'two places': Buffer.concat([part(0, 2_000_000), Buffer.from('ab'), part(2_000_000, 9_000_000), part(9_000_001)]),
    appended: Buffer.concat([bytes, randomBytes(3_000_000)]),
    'cut off': part(0, 7_500_000),
    'cut off at a chunk': part(0, (base[0]?.size ?? 0) + (base[1]?.size ?? 0)),
    doubled: Buffer.concat([bytes, bytes]),
    replaced: randomBytes(5_000_000),
    emptied: Buffer.alloc(0),
  };
  for (const [name, edited] of Object.entries(edits)) {
    const [result] = await pool.scan([{ path: put('file', edited), base }], never);
    assert.deepEqual(scanned(result).chunks, cutByReference(edited), name);
  }
});

test('a long file is looked at in parts on all threads, and cut as without', async (t) => {
  const { pool, put } = setUp(t);
  const bytes = randomBytes(70 * 1024 * 1024);
  const [before] = await pool.scan([{ path: put('file', bytes) }], never);
  const base = scanned(before).chunks;
  const part = (from: number, to?: number): Buffer => bytes.subarray(from, to);
  const edits: Record<string, Buffer> = {
    nothing: bytes,
    'in place': Buffer.concat([part(0, 50_000_000), Buffer.from('edit'), part(50_000_004)]),
    'at the head': Buffer.concat([Buffer.from('x'), bytes]),
    'in the middle': Buffer.concat([part(0, 40_000_000), randomBytes(777), part(40_000_000)]),
    'removed in the middle': Buffer.concat([part(0, 20_000_000), part(60_000_000)]),
    appended: Buffer.concat([bytes, randomBytes(3_000_000)]),
    'cut off': part(0, 37_500_000),
    doubled: Buffer.concat([bytes, bytes]),
    emptied: Buffer.alloc(0),
  };
  for (const [name, edited] of Object.entries(edits)) {
    const [result] = await pool.scan([{ path: put('file', edited), base }], never);
    const { chunks, hash, size, ...stats } = scanned(result);
    assert.deepEqual(chunks, cutByReference(edited), name);
    assert.equal(size, edited.length);
    assert.equal(
      hash,
      contentHash(chunks, (list) => createHash('sha256').update(list).digest('hex')),
    );
    assert.deepEqual(stats.before, stats.after, name);
  }
});

test('H13 a long file that is written while its parts are looked at is told to have changed, or was read whole', async (t) => {
  const { pool, put } = setUp(t);
  const bytes = randomBytes(70 * 1024 * 1024);
  const path = put('file', bytes);
  const [first] = await pool.scan([{ path }], never);
  const base = scanned(first).chunks;
  let mixes = 0;
  for (let round = 0; round < 12; round++) {
    const scanning = pool.scan([{ path, base }], never);
    for (let turns = 0; turns < 40 * round; turns++) await turn();
    const file = fs.openSync(path, 'r+');
    for (const at of [1_000_000, 35_000_000, 69_000_000]) {
      fs.writeSync(file, randomBytes(8), 0, 8, at + round);
      for (let turns = 0; turns < 20; turns++) await turn();
    }
    fs.closeSync(file);
    const { before, after, chunks } = scanned((await scanning)[0]);
    const now = fs.statSync(path, { bigint: true });
    if (before.ctimeNs !== after.ctimeNs || after.ctimeNs !== now.ctimeNs.toString()) mixes++;
    else assert.deepEqual(chunks, cutByReference(fs.readFileSync(path)));
  }
  assert.ok(mixes > 0, 'no write ever fell into a scan');
});

test('H12 H17 what cannot be read is a value with its code, and never waits', async (t) => {
  const { pool, root, put } = setUp(t);
  execFileSync('mkfifo', [join(root, 'pipe')]);
  fs.mkdirSync(join(root, 'folder'));
  fs.symlinkSync(put('file', Buffer.from('x')), join(root, 'link'));
  const paths = ['pipe', 'folder', 'link', 'absent', 'file/below'].map((name) => ({ path: join(root, name) }));
  const results = await pool.scan(paths, never);
  const codes = results.map((result) => (result.outcome === 'unreadable' ? result.code : result.outcome));
  assert.deepEqual(codes, ['ENOTSUP', 'EISDIR', 'ELOOP', 'ENOENT', 'ENOTDIR']);
});

test('signatures are made of what is new, in files that are long enough', async (t) => {
  const { pool, put } = setUp(t);
  const bytes = randomBytes(5 * 1024 * 1024);
  const path = put('long', bytes);
  const small = put('small', randomBytes(1000));
  const [long, short] = await pool.scan(
    [
      { path, signatures: true },
      { path: small, signatures: true },
    ],
    never,
  );
  assert.deepEqual(
    scanned(long).signatures.map(({ id }) => id),
    scanned(long).chunks.map(({ id }) => id),
  );
  assert.equal(scanned(short).signatures.length, 0);
  const edited = put('long', Buffer.concat([bytes, Buffer.from('more')]));
  const [after] = await pool.scan([{ path: edited, signatures: true, base: scanned(long).chunks }], never);
  assert.equal(scanned(after).signatures.length, 1);
  const again = await pool.sign(path, placed(scanned(after).chunks), never);
  assert.deepEqual(again.at(-1)?.blocks, scanned(after).signatures[0]?.blocks);
});

test('G4 a stream hands out every chunk whole and in order, and waits for its taker', async (t) => {
  const { pool, put } = setUp(t);
  const bytes = randomBytes(60 * 1024 * 1024);
  const path = put('long', bytes);
  const taken: StreamedChunk[] = [];
  let outBytes = 0;
  let mostOut = 0;
  let ended = false;
  const result = await pool.stream(
    { path },
    (chunk) => {
      if (chunk === undefined) {
        ended = true;
        return undefined;
      }
      outBytes += chunk.size;
      mostOut = Math.max(mostOut, outBytes);
      return new Promise((resolve) => {
        setImmediate(() => {
          assert.equal(chunk.payload.form, 'raw');
          assert.equal(chunkIdOf(chunk.payload.bytes), chunk.id);
          taken.push(chunk);
          outBytes -= chunk.size;
          resolve();
        });
      });
    },
    never,
  );
  assert.ok(ended);
  assert.deepEqual(
    taken.map(({ id, size, offset }) => ({ id, size, offset })),
    placed(cutByReference(bytes)),
  );
  assert.deepEqual(scanned(result).chunks, cutByReference(bytes));
  assert.ok(mostOut <= 32 * 1024 * 1024, `${mostOut} bytes`);
});

test('G6 a stream ends when it is aborted and when its taker fails, and the memory can be used again', async (t) => {
  const { pool, put } = setUp(t);
  const path = put('long', randomBytes(60 * 1024 * 1024));
  for (let round = 0; round < 4; round++) {
    const stop = new AbortController();
    const aborted = pool.stream({ path }, () => (stop.abort(new Error('enough')), undefined), stop.signal);
    await assert.rejects(aborted, { message: 'enough' });
    const failing = pool.stream({ path }, () => Promise.reject(new Error('no taker')), never);
    await assert.rejects(failing, { message: 'no taker' });
  }
  scanned(await pool.stream({ path }, () => undefined, never));
});

test('H13 chunks that changed are not handed out, in a batch or alone', async (t) => {
  const { pool, put } = setUp(t);
  const bytes = randomBytes(600_000);
  const path = put('file', bytes);
  const chunks = placed(cutByReference(bytes)).map((chunk) => ({ ...chunk, path }));
  const gone = { path: join(path, 'below'), id: chunkIdOf(Buffer.from('x')), size: 1, offset: 0 };
  bytes[10]! ^= 1;
  put('file', bytes);
  const { body, lengths } = await pool.encodeBatch([...chunks, gone], never);
  assert.equal(lengths[0], 0);
  assert.equal(lengths.at(-1), 0);
  assert.equal(
    body.length,
    lengths.reduce((sum, length) => sum + length, 0),
  );
  assert.equal(await pool.encodeChunk(chunks[0]!, never), undefined);
  assert.equal(await pool.prove(chunks[0]!, 'nonce', never), undefined);
});

test('aborted encodings give their memory back', async (t) => {
  const { pool, put } = setUp(t);
  const bytes = randomBytes(8 * 1024 * 1024);
  const path = put('file', bytes);
  const sources = placed(cutByReference(bytes)).map((chunk) => ({ ...chunk, path }));
  for (let round = 0; round < 12; round++) {
    const stop = new AbortController();
    const encodings = sources.map((source) => pool.encodeChunk(source, stop.signal));
    stop.abort(new Error('enough'));
    await Promise.allSettled(encodings);
  }
  for (const source of sources) {
    using payload = await pool.encodeChunk(source, never);
    assert.equal(payload?.bytes.length, source.size);
  }
});

/** The frame of a chunk as a server would send it. */
function frame(raw: Uint8Array, encoding: ChunkEncoding, payload: Uint8Array, baseId?: ChunkId): Buffer {
  const header = { kind: 'chunk', chunkId: chunkIdOf(raw), encoding, rawSize: raw.length, baseId } as const;
  return Buffer.concat([encodeFrameHeader(header, payload.length), payload]);
}

async function decoded(pool: ReturnType<typeof createHashPool>, wanted: readonly WantedChunk[], body: Uint8Array) {
  const done: number[] = [];
  const decoder = pool.openDecoder({ wanted, done: (indices) => done.push(...indices) }, never);
  for (let at = 0; at < body.length; at += 50_001) await decoder.push(body.subarray(at, at + 50_001));
  return { ...(await decoder.finish()), done };
}

for (const size of [5000, 700_000])
  test(`H93 chunks of ${size} bytes arrive raw, compressed and as differences; wrong ones are refused`, async (t) => {
    const { pool, put, root } = setUp(t);
    const base = randomBytes(size);
    const edited = Buffer.from(base);
    edited.write('a small edit', 100);
    const texts = Array.from({ length: 5 }, (_, index) => Buffer.alloc(size, `text ${index} `));
    const [plain, good, tampered, short, other] = texts as [Buffer, Buffer, Buffer, Buffer, Buffer];
    const path = put('base', base);
    const [signature] = await pool.sign(path, [{ id: chunkIdOf(base), size, offset: 0 }], never);
    using delta = await pool.encodeChunk(
      { path: put('edited', edited), id: chunkIdOf(edited), size, offset: 0, against: signature! },
      never,
    );
    assert.ok(delta?.form === 'frame' && delta.bytes.length < 5000);
    const dictionary = zlib.zstdCompressSync(edited, { dictionary: base });
    const body = Buffer.concat([
      frame(plain, 'raw', plain),
      frame(good, 'zstd', zlib.zstdCompressSync(good)),
      frame(tampered, 'raw', Buffer.alloc(size, 7)),
      frame(short, 'zstd', zlib.zstdCompressSync(Buffer.alloc(100 * size))),
      frame(other, 'zstd', zlib.zstdCompressSync(Buffer.alloc(size, 7))),
      delta.bytes,
      frame(edited, 'zstd-base', dictionary, chunkIdOf(base)),
    ]);
    const origin = { id: chunkIdOf(base), size, path, offset: 0 };
    const wanted = [plain, good, tampered, short, other, edited, edited].map((bytes, index): WantedChunk => {
      const targets = [{ path: join(root, `out${index}`), offset: 0 }];
      return { id: chunkIdOf(bytes), size, targets, ...(bytes === edited ? { base: origin } : {}) };
    });
    const outcome = await decoded(pool, wanted, body);
    assert.deepEqual(outcome.missing, [2, 3, 4]);
    assert.deepEqual(outcome.done, [0, 1, 5, 6]);
    assert.deepEqual([outcome.fault?.code, outcome.fault?.index], ['hash_mismatch', 2]);
    for (const index of outcome.done)
      assert.equal(chunkIdOf(fs.readFileSync(join(root, `out${index}`))), wanted[index]!.id);
  });

test('a refused chunk, a vanished base, a stream that is cut or malformed: the rest is kept and the fault told', async (t) => {
  const { pool, root } = setUp(t);
  const chunks = [randomBytes(3000), randomBytes(3000), randomBytes(3000)] as const;
  const wanted = chunks.map((bytes, index) => ({
    id: chunkIdOf(bytes),
    size: bytes.length,
    targets: [{ path: join(root, `out${index}`), offset: 0 }],
  }));
  const [first, second, third] = chunks.map((bytes) => frame(bytes, 'raw', bytes)) as [Buffer, Buffer, Buffer];
  const refused = encodeFailureFrame(wanted[1]!.id, 'chunk_damaged');
  const orphan = frame(chunks[1], 'delta', Buffer.from('xx'), chunkIdOf(Buffer.from('gone')));
  const cases: readonly (readonly [Uint8Array[], string | undefined, number[]])[] = [
    [[first, refused, third], 'refused', [1]],
    [[first, orphan, third], 'base_gone', [1]],
    [[first, second, third.subarray(0, 2000)], 'frame_invalid', [2]],
    [[first, Buffer.from('<html>')], 'frame_invalid', [1, 2]],
    [[first, third], undefined, [1]],
    [[first, first, third], 'frame_invalid', [1]],
    [[], undefined, [0, 1, 2]],
  ];
  for (const [body, code, missing] of cases) {
    const outcome = await decoded(pool, wanted, Buffer.concat(body));
    assert.deepEqual([outcome.fault?.code, outcome.missing], [code, missing]);
  }
});

test('an aborted decoder rejects, and its memory can be used again', async (t) => {
  const { pool, root } = setUp(t);
  const bytes = randomBytes(3 * 1024 * 1024);
  const wanted = [{ id: chunkIdOf(bytes), size: bytes.length, targets: [{ path: join(root, 'out'), offset: 0 }] }];
  const body = frame(bytes, 'raw', bytes);
  for (let round = 0; round < 30; round++) {
    const stop = new AbortController();
    const decoder = pool.openDecoder({ wanted, done: () => undefined }, stop.signal);
    await decoder.push(body.subarray(0, 2 * 1024 * 1024));
    stop.abort(new Error('enough'));
    await assert.rejects(decoder.finish(), { message: 'enough' });
  }
  assert.deepEqual((await decoded(pool, wanted, body)).missing, []);
});

test('G1 long work leaves the control thread free', async (t) => {
  const { pool, put } = setUp(t);
  const path = put('long', randomBytes(40 * 1024 * 1024));
  let turns = 0;
  let isDone = false;
  const count = (): void => {
    turns++;
    if (!isDone) setImmediate(count);
  };
  setImmediate(count);
  await pool.scan([{ path, signatures: true }], never);
  isDone = true;
  assert.ok(turns > 20, `${turns} turns`);
});

test('G5 idle threads end, and new work starts new ones', async (t) => {
  const { pool, put } = setUp(t, { idleMs: 1 });
  const path = put('long', randomBytes(1024 * 1024));
  const workers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Worker').length;
  for (let round = 0; round < 2; round++) {
    scanned((await pool.scan([{ path }], never))[0]);
    while (workers() > 0) await new Promise((resolve) => setImmediate(resolve));
  }
});
