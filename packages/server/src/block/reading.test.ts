import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import zlib from 'node:zlib';
import { CodedError } from '@satchel/protocol/errors.ts';
import {
  chunkFrameOf,
  fetched,
  frameFor,
  idOf,
  meddling,
  openTestBlocks,
  put,
  sendBatch,
  type TestBlocks,
} from './blocks.fixture.ts';

const coded = (code: string) => (error: unknown) => error instanceof CodedError && error.code === code;

function pathOf(setup: TestBlocks, id: ReturnType<typeof idOf>): string {
  const location = setup.ledger.chunks.get(id)?.location;
  assert.ok(location);
  return join(setup.folder, 'data', 'objects', location.key);
}

async function flipByte(path: string, at: number): Promise<void> {
  const bytes = await readFile(path);
  bytes[at] = (bytes[at] ?? 0) ^ 0x40;
  await writeFile(path, bytes);
}

test('frames come in the order asked for, small and large, cached and not, with failures in their place', async () => {
  await using setup = await openTestBlocks({ recentBytes: 100_000 });
  const small = Array.from({ length: 300 }, (_, index) => randomBytes(10 + index * 30));
  const large = Array.from({ length: 5 }, () => randomBytes(900_000));
  await sendBatch(
    setup,
    setup.alice,
    small.map((bytes) => frameFor(bytes)),
  );
  for (const bytes of large) await put(setup, setup.alice, bytes);
  const absent = randomBytes(5);
  const order = [...small, ...large, absent, ...small.slice(0, 3)].map((bytes) => ({
    bytes,
    at: idOf(bytes),
  }));
  order.sort((a, b) => (a.at < b.at ? -1 : 1));
  const frames = await fetched(
    setup.blocks,
    setup.alice,
    order.map(({ bytes }) => ({ id: idOf(bytes) })),
  );
  assert.equal(frames.length, order.length);
  for (const [index, { bytes }] of order.entries()) {
    const frame = frames[index];
    assert.equal(frame?.chunkId, idOf(bytes));
    if (bytes === absent) assert.deepEqual(frame, { kind: 'failure', chunkId: idOf(absent), code: 'chunk_missing' });
    else assert.ok(bytes.equals(chunkFrameOf(frame).payload));
  }
});

test('S7 what another user stored cannot be fetched, read or used as a base', async () => {
  await using setup = await openTestBlocks();
  const secret = randomBytes(5000);
  await put(setup, setup.bob, secret);
  const id = idOf(secret);
  const { caller, workspaceId } = setup.alice;
  assert.deepEqual(await fetched(setup.blocks, setup.alice, [{ id }]), [
    { kind: 'failure', chunkId: id, code: 'chunk_missing' },
  ]);
  await assert.rejects(setup.blocks.getChunk(caller, { workspaceId, id }), coded('not_found'));
  await assert.rejects(
    setup.blocks.fetch(caller, { workspaceId: setup.bob.workspaceId, chunks: [{ id }] }),
    coded('not_found'),
  );
  const mine = Buffer.from(secret);
  mine.write('mine', 0);
  await put(setup, setup.alice, mine);
  const [frame] = await fetched(setup.blocks, setup.alice, [{ id: idOf(mine), base: id }]);
  assert.equal(chunkFrameOf(frame).encoding, 'raw');
});

test('a changed chunk comes as a difference of some hundred bytes against a base that the receiver names', async () => {
  await using setup = await openTestBlocks();
  const base = randomBytes(1 << 20);
  const edited = Buffer.from(base);
  edited.write('a small edit', 500_000);
  await put(setup, setup.alice, base);
  await put(setup, setup.alice, edited);
  const [frame] = await fetched(await setup.restart(), setup.alice, [{ id: idOf(edited), base: idOf(base) }]);
  const { encoding, payload, baseId } = chunkFrameOf(frame);
  assert.equal(encoding, 'zstd-base');
  assert.equal(baseId, idOf(base));
  assert.ok(payload.length < 1000, `${payload.length} bytes`);
  assert.ok(edited.equals(zlib.zstdDecompressSync(payload, { dictionary: base })));
  const unrelated = randomBytes(50_000);
  await put(setup, setup.alice, unrelated);
  const [whole] = await fetched(setup.blocks, setup.alice, [{ id: idOf(unrelated), base: idOf(base) }]);
  assert.equal(chunkFrameOf(whole).encoding, 'raw');
});

/** Reading there is EIO, as on a disk that cannot read what it holds. */
async function badSector(path: string): Promise<void> {
  await rm(path);
  await symlink('/proc/self/mem', path);
}

for (const [name, damage] of [
  ['a flipped byte', (path: string) => flipByte(path, 3000)],
  ['a flipped header', (path: string) => flipByte(path, 0)],
  ['a cut', (path: string) => truncate(path, 4000)],
  ['a loss', (path: string) => rm(path)],
  ['a bad sector', badSector],
] as const)
  test(`H93 ${name} in the store is an error, never wrong bytes; an upload heals it`, async () => {
    await using setup = await openTestBlocks();
    const bytes = randomBytes(200_000);
    const neighbour = randomBytes(150_000);
    const id = await put(setup, setup.alice, bytes);
    await put(setup, setup.alice, neighbour);
    await damage(pathOf(setup, id));
    const blocks = await setup.restart();
    const { caller, workspaceId } = setup.alice;
    const frames = await fetched(blocks, setup.alice, [{ id }, { id: idOf(neighbour) }]);
    assert.deepEqual(frames[0], { kind: 'failure', chunkId: id, code: 'chunk_damaged' });
    assert.ok(neighbour.equals(chunkFrameOf(frames[1]).payload));
    await assert.rejects(blocks.getChunk(caller, { workspaceId, id }), coded('chunk_damaged'));
    assert.ok(setup.ledger.damaged.has(id));
    const [need] = (
      await blocks.uploadRequest(caller, {
        workspaceId,
        files: [
          {
            uploadId: '0'.repeat(26) as never,
            objectId: '0'.repeat(26) as never,
            firstChunk: 0,
            offset: 0,
            chunks: [{ id, size: bytes.length }],
          },
        ],
      })
    ).files[0]!.needs;
    assert.equal(need?.need, 'put');
    await put(setup, setup.alice, bytes);
    assert.equal(setup.ledger.damaged.has(id), false);
    const { bytes: healed } = await (await setup.restart()).getChunk(caller, { workspaceId, id });
    for await (const run of healed) assert.ok(bytes.equals(Buffer.concat(run)));
  });

test('H93 a block swapped for another valid one is found', async () => {
  await using setup = await openTestBlocks();
  const [one, two] = [randomBytes(200_000), randomBytes(200_000)];
  await put(setup, setup.alice, one);
  await put(setup, setup.alice, two);
  await writeFile(pathOf(setup, idOf(one)), await readFile(pathOf(setup, idOf(two))));
  const [frame] = await fetched(await setup.restart(), setup.alice, [{ id: idOf(one) }]);
  assert.deepEqual(frame, { kind: 'failure', chunkId: idOf(one), code: 'chunk_damaged' });
});

test('H93 damage in a pack costs the chunks it hits and no others', async () => {
  await using setup = await openTestBlocks();
  const chunks = Array.from({ length: 20 }, () => randomBytes(1000));
  await sendBatch(
    setup,
    setup.alice,
    chunks.map((bytes) => frameFor(bytes)),
  );
  const hit = setup.ledger.chunks.get(idOf(chunks[7]!))!.location;
  await flipByte(pathOf(setup, idOf(chunks[7]!)), hit.offset + 500);
  const frames = await fetched(
    await setup.restart(),
    setup.alice,
    chunks.map((bytes) => ({ id: idOf(bytes) })),
  );
  assert.deepEqual(
    frames.map((frame, index) => (frame.kind === 'failure' ? index : -1)).filter((index) => index >= 0),
    [7],
  );
  await truncate(pathOf(setup, idOf(chunks[7]!)), setup.ledger.chunks.get(idOf(chunks[15]!))!.location.offset + 10);
  const later = await fetched(
    await setup.restart(),
    setup.alice,
    chunks.map((bytes) => ({ id: idOf(bytes) })),
  );
  assert.deepEqual(later.map((frame) => frame.kind).filter((kind) => kind === 'chunk').length, 14);
});

test('a store that cannot be read now is unavailable, and no damage is recorded', async () => {
  const { wrap, faults } = meddling();
  await using setup = await openTestBlocks({ recentBytes: 0 }, wrap);
  const id = await put(setup, setup.alice, randomBytes(1000));
  faults.get = () => Promise.reject(new CodedError('unavailable', 'planted'));
  assert.deepEqual(await fetched(setup.blocks, setup.alice, [{ id }]), [
    { kind: 'failure', chunkId: id, code: 'unavailable' },
  ]);
  assert.equal(setup.ledger.damaged.size, 0);
  faults.get = undefined;
  assert.equal((await fetched(setup.blocks, setup.alice, [{ id }]))[0]?.kind, 'chunk');
});

test('a receiver that goes away or stalls gives its memory back or holds little', async () => {
  await using setup = await openTestBlocks({ bytesInFlight: 24 << 20, waitMs: 50, recentBytes: 0 });
  const ids = [];
  for (let index = 0; index < 12; index++) ids.push(await put(setup, setup.alice, randomBytes(1 << 20)));
  const { caller, workspaceId } = setup.alice;
  const chunks = ids.map((id) => ({ id }));
  const stalled = await setup.blocks.fetch(caller, { workspaceId, chunks });
  await stalled.next();
  assert.equal((await fetched(setup.blocks, setup.alice, chunks)).filter(({ kind }) => kind === 'chunk').length, 12);
  await stalled.return();
  for (let index = 0; index < 20; index++) {
    const gone = await setup.blocks.fetch(caller, { workspaceId, chunks });
    await gone.next();
    await gone.return();
  }
  assert.equal((await fetched(setup.blocks, setup.alice, chunks)).filter(({ kind }) => kind === 'chunk').length, 12);
});

test('S11 receivers of single chunks that stall hold what they got against the account, until they go away', async () => {
  await using setup = await openTestBlocks({ bytesInFlight: 8 << 20, waitMs: 30 });
  const { caller, workspaceId } = setup.alice;
  const id = await put(setup, setup.alice, randomBytes(1 << 20));
  const get = async () => (await setup.blocks.getChunk(caller, { workspaceId, id })).bytes;
  const stalled = [await get(), await get()];
  for (const bytes of stalled) await bytes.next();
  await assert.rejects(get(), coded('unavailable'));
  for (const bytes of stalled) await bytes.return();
  for await (const run of await get()) assert.equal(Buffer.concat(run).length, 1 << 20);
});

test('the content of a file is read whole and in ranges', async () => {
  await using setup = await openTestBlocks();
  const { caller, workspaceId } = setup.alice;
  const parts = [randomBytes(300_000), Buffer.alloc(50_000, 'text '), randomBytes(1), randomBytes(70_000)];
  for (const bytes of parts) await put(setup, setup.alice, bytes);
  const chunks = parts.map((bytes) => ({ id: idOf(bytes), size: bytes.length }));
  const whole = Buffer.concat(parts);
  async function read(range?: { offset: number; length: number }): Promise<Buffer> {
    const pieces: Uint8Array[] = [];
    for await (const run of setup.blocks.readContent(caller, { workspaceId, chunks, ...(range ? { range } : {}) }))
      for (const piece of run) pieces.push(new Uint8Array(piece));
    return Buffer.concat(pieces);
  }
  assert.ok(whole.equals(await read()));
  for (const [offset, length] of [
    [0, 1],
    [299_999, 3],
    [340_000, 30_000],
    [whole.length - 1, 1],
    [350_000, 1],
  ] as const)
    assert.ok(whole.subarray(offset, offset + length).equals(await read({ offset, length })), `${offset}+${length}`);
  await rm(pathOf(setup, chunks[3]!.id));
  const fresh = await setup.restart();
  await assert.rejects(async () => {
    for await (const piece of fresh.readContent(caller, { workspaceId, chunks })) assert.ok(piece);
  }, coded('chunk_damaged'));
});
