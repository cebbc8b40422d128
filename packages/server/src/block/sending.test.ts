import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import zlib from 'node:zlib';
import { encodeDelta, matchDelta } from '@satchel/core/delta.ts';
import { encodeFailureFrame } from '@satchel/core/frame.ts';
import { signatureOf } from '@satchel/core/signature.ts';
import { CodedError } from '@satchel/protocol/errors.ts';
import type { ObjectId, UploadId } from '@satchel/protocol/ids.ts';
import { hash } from 'node:crypto';
import {
  fetched,
  chunkFrameOf,
  frameFor,
  idOf,
  inPieces,
  keysIn,
  meddling,
  openTestBlocks,
  put,
  refOf,
  sendBatch,
} from './blocks.fixture.ts';
import type { ReadBody } from './gather.ts';

const coded = (code: string) => (error: unknown) => error instanceof CodedError && error.code === code;
const text = (bytes: number): Buffer => {
  let words = '';
  for (let index = 0; words.length < bytes; index++) words += `line ${index % 977} of ${(index * 7919) % 1013}\n`;
  return Buffer.from(words.slice(0, bytes));
};

async function rawOf(setup: Awaited<ReturnType<typeof openTestBlocks>>, id: ReturnType<typeof idOf>) {
  const blocks = await setup.restart();
  const { bytes } = await blocks.getChunk(setup.alice.caller, { workspaceId: setup.alice.workspaceId, id });
  const { value = [] } = await bytes.next();
  return Buffer.concat(value);
}

test('S1 the small chunks of a batch become one storage object and come back byte for byte', async () => {
  await using setup = await openTestBlocks();
  const chunks = Array.from({ length: 200 }, (_, index) => randomBytes(1 + index * 53));
  const results = await sendBatch(
    setup,
    setup.alice,
    chunks.map((bytes) => frameFor(bytes)),
  );
  assert.ok(results.every(({ stored }) => stored));
  assert.equal((await keysIn(setup.store, 'packs/')).length, 1);
  assert.equal((await keysIn(setup.store, 'chunks/')).length, 0);
  for (const bytes of chunks.filter((_, index) => index % 20 === 0))
    assert.ok(bytes.equals(await rawOf(setup, idOf(bytes))));
});

test('S6 a batch of every encoding is decoded and verified; the rest goes on past refused frames', async () => {
  await using setup = await openTestBlocks();
  const base = text(300_000);
  await put(setup, setup.alice, base);
  const edited = Buffer.from(base);
  edited.write('a small edit', 150_000);
  const other = Buffer.from(base);
  other.write('another', 1000);
  const sha256 = (bytes: Uint8Array): Uint8Array => hash('sha256', bytes, 'buffer');
  const raw = randomBytes(5000);
  const compressible = text(50_000);
  const dictionaryFrame = zlib.zstdCompressSync(edited, {
    dictionary: base,
    params: { [zlib.constants.ZSTD_c_windowLog]: 23 },
  });
  assert.ok(dictionaryFrame.length < 5000);
  const results = await sendBatch(setup, setup.alice, [
    frameFor(raw),
    frameFor(randomBytes(100), { id: idOf(randomBytes(1)) }),
    frameFor(compressible, { encoding: 'zstd', payload: zlib.zstdCompressSync(compressible) }),
    frameFor(edited, { encoding: 'zstd-base', base: idOf(base), payload: dictionaryFrame }),
    frameFor(other, {
      encoding: 'delta',
      base: idOf(base),
      payload: encodeDelta(matchDelta(other, signatureOf(base, sha256), sha256)),
    }),
    frameFor(raw),
  ]);
  assert.deepEqual(
    results.map(({ stored }) => stored),
    [true, false, true, true, true, true],
  );
  assert.equal(results[1]?.code, 'hash_mismatch');
  assert.deepEqual(results.map(({ chunkId }) => chunkId)[5], idOf(raw));
  for (const bytes of [raw, compressible, edited, other]) assert.ok(bytes.equals(await rawOf(setup, idOf(bytes))));
  const [frame] = await fetched(await setup.restart(), setup.alice, [{ id: idOf(compressible) }]);
  assert.equal(chunkFrameOf(frame).encoding, 'zstd', 'the sender’s zstd is stored and passed on as it came');
});

test('S11 of the bases of a batch one at a time is held, and others have their turn', async () => {
  const { wrap, faults } = meddling();
  await using setup = await openTestBlocks({ recentBytes: 0 }, wrap);
  const bases = Array.from({ length: 24 }, (_, index) => Buffer.alloc(4 << 20, `base ${index} `));
  for (const base of bases) await put(setup, setup.alice, base);
  const frames = bases.map((base) => {
    const edited = Buffer.concat([base.subarray(0, 1000), Buffer.from('edited')]);
    return frameFor(edited, {
      encoding: 'zstd-base',
      base: idOf(base),
      payload: zlib.zstdCompressSync(edited, { dictionary: base }),
    });
  });
  const before = process.memoryUsage().arrayBuffers;
  let most = 0;
  faults.get = async () => void (most = Math.max(most, process.memoryUsage().arrayBuffers - before));
  const results = await sendBatch(setup, setup.alice, frames);
  assert.ok(results.every(({ stored }) => stored));
  assert.ok(most < 64 << 20, `${most} bytes at once`);
});

test('S6 hostile frames are refused one by one, with bounded memory', async () => {
  await using setup = await openTestBlocks();
  const base = text(10_000);
  await put(setup, setup.alice, base);
  const honest = randomBytes(300);
  const bomb = zlib.zstdCompressSync(Buffer.alloc(512 << 20));
  // One block that repeats a letter 1,000 times, under a window of 2^log bytes that the decoder would have to hold.
  const letters = Buffer.alloc(1000, 'A');
  const windowed = (log: number): Buffer =>
    Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, (log - 10) << 3, 0x43, 0x1f, 0x00, 65]);
  const zeros = Buffer.alloc(1000);
  const frames = [
    frameFor(Buffer.alloc(1 << 20), { encoding: 'zstd', payload: bomb }),
    frameFor(letters, { encoding: 'zstd', payload: windowed(27) }),
    frameFor(zeros, {
      encoding: 'zstd',
      payload: Buffer.concat([zlib.zstdCompressSync(zeros), Buffer.from('tail')]),
      rawSize: 1000,
    }),
    frameFor(randomBytes(999), { encoding: 'zstd', payload: Buffer.from('not zstd at all') }),
    frameFor(randomBytes(500), {
      encoding: 'delta',
      base: idOf(base),
      payload: Buffer.from([1, 0xf4, 3, 5, 0xff, 0xff, 0x7f]),
    }),
    frameFor(randomBytes(501), { encoding: 'delta', base: idOf(randomBytes(3)), payload: Buffer.from([1]) }),
    frameFor(honest),
  ];
  const before = process.memoryUsage().rss;
  const results = await sendBatch(setup, setup.alice, frames);
  assert.ok(process.memoryUsage().rss - before < 64 << 20);
  assert.deepEqual(
    results.map(({ code, stored }) => code ?? stored),
    ['frame_invalid', 'frame_invalid', 'frame_invalid', 'frame_invalid', 'frame_invalid', 'chunk_missing', true],
  );
  assert.equal(setup.ledger.chunks.size, 2);
  const [modest] = await sendBatch(setup, setup.alice, [
    frameFor(letters, { encoding: 'zstd', payload: windowed(20) }),
  ]);
  assert.equal(modest?.stored, true, 'with a smaller window the same frame is good');
});

test('bodies that are no batch are refused whole, and nothing is stored', async () => {
  await using setup = await openTestBlocks();
  const good = frameFor(randomBytes(100));
  const bodies: [Uint8Array, string][] = [
    [Buffer.concat([good, good.subarray(0, 60)]), 'frame_invalid'],
    [Buffer.concat([good, Buffer.from('POST / HTTP')]), 'frame_invalid'],
    [Buffer.concat([good, encodeFailureFrame(idOf(good), 'not_found')]), 'frame_invalid'],
    [Buffer.concat(Array.from({ length: 4097 }, () => frameFor(Buffer.of(1)))), 'too_large'],
    [Buffer.concat(Array.from({ length: 3 }, () => frameFor(randomBytes(3 << 20)))), 'too_large'],
  ];
  for (const [body, code] of bodies) {
    const { caller, workspaceId } = setup.alice;
    await assert.rejects(setup.blocks.acceptBatch(caller, { workspaceId, body: inPieces(body) }), coded(code));
  }
  assert.equal(setup.ledger.chunks.size, 0);
  assert.deepEqual(await keysIn(setup.store, 'packs/'), []);
});

test('S7 a chunk of another workspace is no base, and a stranger’s workspace takes nothing', async () => {
  await using setup = await openTestBlocks();
  const secret = text(20_000);
  await put(setup, setup.bob, secret);
  const probe = Buffer.from(secret);
  probe.write('x', 0);
  const delta = zlib.zstdCompressSync(probe, { dictionary: secret });
  const [result] = await sendBatch(setup, setup.alice, [
    frameFor(probe, { encoding: 'zstd-base', base: idOf(secret), payload: delta }),
  ]);
  assert.equal(result?.code, 'chunk_missing');
  const { workspaceId } = setup.bob;
  const body = (): ReadBody => inPieces(frameFor(randomBytes(10)));
  await assert.rejects(setup.blocks.acceptBatch(setup.alice.caller, { workspaceId, body: body() }), coded('not_found'));
  const chunk = refOf(Buffer.from('x'));
  await assert.rejects(
    setup.blocks.putChunk(setup.alice.caller, { workspaceId, chunk, body: body() }),
    coded('not_found'),
  );
});

test('S6 a single chunk is stored only under its own hash and length', async () => {
  await using setup = await openTestBlocks();
  const { caller, workspaceId } = setup.alice;
  const bytes = randomBytes(700_000);
  const chunk = refOf(bytes);
  const send = (body: Uint8Array, pieceBytes?: number): Promise<void> =>
    setup.blocks.putChunk(caller, { workspaceId, chunk, body: inPieces(body, pieceBytes) });
  await assert.rejects(send(bytes.subarray(1)), coded('length_mismatch'));
  await assert.rejects(send(Buffer.concat([bytes, Buffer.of(0)])), coded('length_mismatch'));
  await assert.rejects(send(randomBytes(700_000)), coded('hash_mismatch'));
  assert.deepEqual(await keysIn(setup.store, 'chunks/'), []);
  await send(bytes, 1000);
  assert.ok(bytes.equals(await rawOf(setup, chunk.id)));
  await send(bytes);
  assert.equal((await keysIn(setup.store, 'chunks/')).length, 1, 'a repeated put stores nothing');
});

test('what rests on the disk is neither the bytes nor their like', async () => {
  await using setup = await openTestBlocks();
  const bytes = text(200_000);
  const marker = randomBytes(150_000);
  await put(setup, setup.alice, bytes);
  await put(setup, setup.alice, marker);
  let seen = 0;
  for (const entry of await readdir(join(setup.folder, 'data'), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const stored = await readFile(join(entry.parentPath, entry.name));
    seen++;
    assert.equal(stored.includes('line 1 of'), false);
    assert.equal(stored.includes(marker.subarray(1000, 1032)), false);
  }
  assert.ok(seen >= 3);
});

test('S8 where not all of a batch fits the quota, chunks are taken while there is room', async () => {
  await using setup = await openTestBlocks();
  setup.ledger.quotaBytes = 2500;
  const chunks = [1000, 2000, 1000, 600, 400].map((size) => randomBytes(size));
  const results = await sendBatch(
    setup,
    setup.alice,
    chunks.map((bytes) => frameFor(bytes)),
  );
  assert.deepEqual(
    results.map(({ code, stored }) => code ?? stored),
    [true, 'quota_exceeded', true, 'quota_exceeded', true],
  );
  await assert.rejects(put(setup, setup.alice, randomBytes(3000)), coded('quota_exceeded'));
});

test('H93 S8 a damaged chunk is sent again though the quota is used up: it is counted already', async () => {
  await using setup = await openTestBlocks();
  const [small, large] = [randomBytes(1000), randomBytes(200_000)];
  for (const bytes of [small, large]) await put(setup, setup.alice, bytes);
  setup.ledger.quotaBytes = 201_000;
  for (const bytes of [small, large]) await setup.ledger.recordDamaged(idOf(bytes), 'a bit flipped');
  const results = await sendBatch(setup, setup.alice, [frameFor(small), frameFor(randomBytes(10))]);
  assert.deepEqual(
    results.map(({ code, stored }) => code ?? stored),
    [true, 'quota_exceeded'],
  );
  const file = {
    uploadId: 'u' as UploadId,
    objectId: 'o' as ObjectId,
    firstChunk: 0,
    offset: 0,
    chunks: [refOf(large)],
  };
  const { workspaceId, caller } = setup.alice;
  const { files } = await setup.blocks.uploadRequest(caller, { workspaceId, files: [file] });
  assert.equal(files[0]?.needs[0]?.need, 'put');
  await put(setup, setup.alice, large);
  assert.equal(setup.ledger.damaged.size, 0);
});

test('S5 when the store fails nothing is recorded, and the same batch succeeds later', async () => {
  const { wrap, faults } = meddling();
  await using setup = await openTestBlocks({}, wrap);
  const frames = [frameFor(randomBytes(100)), frameFor(randomBytes(200_000))];
  faults.put = () => Promise.reject(new CodedError('storage_full', 'planted'));
  await assert.rejects(sendBatch(setup, setup.alice, frames), coded('storage_full'));
  assert.equal(setup.ledger.chunks.size, 0);
  faults.put = undefined;
  assert.ok((await sendBatch(setup, setup.alice, frames)).every(({ stored }) => stored));
});

test('an object that the ledger had no use for is removed at once', async () => {
  await using setup = await openTestBlocks();
  const bytes = randomBytes(200_000);
  await put(setup, setup.bob, bytes);
  await put(setup, setup.alice, bytes);
  assert.equal((await keysIn(setup.store, 'chunks/')).length, 1);
  assert.ok(bytes.equals(await rawOf(setup, idOf(bytes))));
});

test('S11 more bytes than may be in flight wait, then are refused with Retry-After; none of it hangs', async () => {
  await using setup = await openTestBlocks({ bytesInFlight: 1 << 20, waitMs: 30 });
  const { caller, workspaceId } = setup.alice;
  const gate = Promise.withResolvers<void>();
  const slow = randomBytes(400_000);
  const stalling: ReadBody = async (take) => {
    take(slow.slice(0, 1000));
    await gate.promise;
    take(slow.slice(1000));
  };
  const first = setup.blocks.putChunk(caller, { workspaceId, chunk: refOf(slow), body: stalling });
  const quick = randomBytes(400_000);
  await assert.rejects(
    put(setup, setup.alice, quick),
    (error) => error instanceof CodedError && error.code === 'unavailable' && error.retryAfterS === 1,
  );
  gate.resolve();
  await first;
  await put(setup, setup.alice, quick);
});

test('S11 one user whose bodies come slowly, however many, leaves room for others', async () => {
  await using setup = await openTestBlocks({ bytesInFlight: 4 << 20, waitMs: 30 });
  const { alice, bob } = setup;
  const gate = Promise.withResolvers<void>();
  const slowly = Array.from({ length: 20 }, () => {
    const bytes = randomBytes(400_000);
    const body: ReadBody = async (take) => {
      await gate.promise;
      take(bytes);
    };
    return setup.blocks.putChunk(alice.caller, { workspaceId: alice.workspaceId, chunk: refOf(bytes), body });
  });
  const ended = Promise.allSettled(slowly);
  await put(setup, bob, randomBytes(400_000));
  gate.resolve();
  const outcomes = (await ended).map(({ status }) => status);
  assert.ok(outcomes.filter((status) => status === 'fulfilled').length >= 2, 'as many as fit into her half');
  await put(setup, alice, randomBytes(400_000));
});

test('many puts at once share the ledger’s transactions', async () => {
  await using setup = await openTestBlocks();
  const chunks = Array.from({ length: 40 }, () => randomBytes(150_000));
  await Promise.all(chunks.map((bytes) => put(setup, setup.alice, bytes)));
  assert.ok(setup.ledger.recordCalls <= 40);
  assert.equal(setup.ledger.chunks.size, 40);
});
