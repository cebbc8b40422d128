import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { CodedError } from '@satchel/protocol/errors.ts';
import { newId, type ObjectId, type UploadId } from '@satchel/protocol/ids.ts';
import { LIMITS } from '@satchel/protocol/limits.ts';
import { UploadAnswer } from '@satchel/protocol/transfer.ts';
import {
  chunkFrameOf,
  fetched,
  idOf,
  inPieces,
  openTestBlocks,
  put,
  refOf,
  type Member,
  type TestBlocks,
} from './blocks.fixture.ts';

const coded = (code: string) => (error: unknown) => error instanceof CodedError && error.code === code;

async function needsOf(setup: TestBlocks, member: Member, chunks: readonly Uint8Array[]) {
  const answer = await setup.blocks.uploadRequest(member.caller, {
    workspaceId: member.workspaceId,
    files: [
      {
        uploadId: newId<UploadId>(1, randomBytes(10)),
        objectId: newId<ObjectId>(1, randomBytes(10)),
        firstChunk: 0,
        offset: 0,
        chunks: chunks.map(refOf),
      },
    ],
  });
  UploadAnswer.parse(answer);
  return answer.files[0]!.needs;
}

function proofOf(nonce: string, bytes: Uint8Array): string {
  return createHash('sha256').update(`${nonce}\n`).update(bytes).digest('hex');
}

async function prove(setup: TestBlocks, member: Member, bytes: Uint8Array, [nonce, proof]: readonly [string, string]) {
  const { results } = await setup.blocks.prove(member.caller, {
    workspaceId: member.workspaceId,
    proofs: [{ chunkId: idOf(bytes), nonce, proof }],
  });
  return results[0];
}

/** A nonce and what proves possession of the bytes under it. */
const shown = (nonce: string, bytes: Uint8Array): readonly [string, string] => [nonce, proofOf(nonce, bytes)];

test('each chunk of an upload is asked for as it should travel, and only once', async () => {
  await using setup = await openTestBlocks();
  const [small, large, mine, foreign] = [1000, 200_000, 300_000, 250_000].map((size) => randomBytes(size)) as [
    Buffer,
    Buffer,
    Buffer,
    Buffer,
  ];
  const foreignSmall = randomBytes(50);
  await put(setup, setup.alice, mine);
  await put(setup, setup.bob, foreign);
  await put(setup, setup.bob, foreignSmall);
  const needs = await needsOf(setup, setup.alice, [small, large, mine, foreign, foreignSmall, large]);
  assert.deepEqual(
    needs.map(({ need }) => need),
    ['batch', 'put', 'nothing', 'prove', 'batch', 'nothing'],
  );
});

test('S7 a server that deduplicates within an account never tells what others have', async () => {
  await using setup = await openTestBlocks({ deduplication: 'account' });
  const foreign = randomBytes(250_000);
  await put(setup, setup.bob, foreign);
  const needs = await needsOf(setup, setup.alice, [foreign, randomBytes(250_000)]);
  assert.deepEqual(
    needs.map(({ need }) => need),
    ['put', 'put'],
  );
});

test('S8 a file that cannot fit is refused before its bytes are sent', async () => {
  await using setup = await openTestBlocks();
  setup.ledger.quotaBytes = 100_000;
  await assert.rejects(needsOf(setup, setup.alice, [randomBytes(200_000)]), coded('quota_exceeded'));
});

test('a long file is announced for prefetch, small ones are not', async () => {
  await using setup = await openTestBlocks();
  await needsOf(setup, setup.alice, [randomBytes(1000)]);
  assert.equal(setup.ledger.announced.length, 0);
  await needsOf(setup, setup.alice, [randomBytes(800_000), randomBytes(800_000)]);
  assert.equal(setup.ledger.announced[0]?.chunks.length, 2);
});

test('S6 a signed address takes exactly the request that it was signed for', async () => {
  await using setup = await openTestBlocks();
  const bytes = randomBytes(200_000);
  const [need] = await needsOf(setup, setup.alice, [bytes]);
  assert.ok(need?.need === 'put');
  assert.match(need.url, /^\/api\/v1\/blocks\//);
  const permitted = setup.blocks.verify('PUT', need.url);
  assert.deepEqual(permitted.chunk, refOf(bytes));
  const { caller, workspaceId, chunk } = permitted;
  await assert.rejects(
    setup.blocks.putChunk(caller, { workspaceId, chunk, body: inPieces(randomBytes(200_000)) }),
    coded('hash_mismatch'),
  );
  await setup.blocks.putChunk(caller, { workspaceId, chunk, body: inPieces(bytes) });
  assert.ok(bytes.equals(chunkFrameOf((await fetched(setup.blocks, setup.alice, [{ id: chunk.id }]))[0]).payload));
});

test('a signed address is refused for another method, after ten minutes, and when any part of it is changed', async () => {
  await using setup = await openTestBlocks();
  const { url } = setup.blocks.sign({ method: 'PUT', ...setup.alice, chunk: refOf(randomBytes(10)) });
  assert.throws(() => setup.blocks.verify('GET', url), coded('signature_invalid'));
  assert.throws(() => setup.blocks.verify('DELETE', url), coded('signature_invalid'));
  fc.assert(
    fc.property(fc.nat(url.length - 1), fc.constantFrom(...'0123456789abcdefxyzAZ-_&=?/%'), (at, letter) => {
      const changed = url.slice(0, at) + letter + url.slice(at + 1);
      if (changed !== url) assert.throws(() => setup.blocks.verify('PUT', changed), coded('signature_invalid'));
    }),
    { numRuns: 2000 },
  );
  for (const bad of ['', '/', '/api/v1/blocks/', '/api/v1/blocks/../x?', `${url}&n=999`, 'http://['])
    assert.throws(() => setup.blocks.verify('PUT', bad), coded('signature_invalid'), bad);
  assert.deepEqual((await setup.restart()).verify('PUT', url).caller, setup.alice.caller);
  setup.clock.skewMs = LIMITS.presignMs + 1000;
  assert.throws(() => setup.blocks.verify('PUT', url), coded('signature_expired'));
});

test('S7 who shows possession is linked without sending; a wrong, foreign or old proof links nothing', async () => {
  await using setup = await openTestBlocks();
  const bytes = randomBytes(250_000);
  await put(setup, setup.bob, bytes);
  const [need] = await needsOf(setup, setup.alice, [bytes]);
  assert.ok(need?.need === 'prove');
  const { nonce } = need;
  assert.ok(nonce.length <= 256);
  const refused = { chunkId: idOf(bytes), stored: false, code: 'forbidden' };
  const wrong = await prove(setup, setup.alice, bytes, shown(nonce, randomBytes(5)));
  assert.deepEqual({ ...wrong, detail: undefined }, { ...refused, detail: undefined });
  assert.equal((await prove(setup, setup.alice, bytes, shown('made.up.nonce', bytes)))?.stored, false);
  assert.equal((await prove(setup, setup.bob, bytes, shown(nonce, bytes)))?.stored, false);
  assert.equal((await fetched(setup.blocks, setup.alice, [{ id: idOf(bytes) }]))[0]?.kind, 'failure');
  assert.equal((await prove(setup, setup.alice, bytes, shown(nonce, bytes)))?.stored, true);
  assert.equal((await fetched(setup.blocks, setup.alice, [{ id: idOf(bytes) }]))[0]?.kind, 'chunk');
  const other = randomBytes(250_000);
  await put(setup, setup.bob, other);
  const [later] = await needsOf(setup, setup.alice, [other]);
  assert.ok(later?.need === 'prove');
  setup.clock.skewMs = LIMITS.presignMs + 1000;
  assert.equal((await prove(setup, setup.alice, other, shown(later.nonce, other)))?.stored, false);
});

test('S7 proofs that fail again and again are limited for that user only', async () => {
  await using setup = await openTestBlocks();
  const bytes = randomBytes(200_000);
  await put(setup, setup.bob, bytes);
  const fail = () => prove(setup, setup.alice, bytes, shown('a.b.c', bytes));
  for (let count = 0; count < 64; count++) await fail();
  await assert.rejects(fail(), coded('rate_limited'));
  await prove(setup, setup.bob, bytes, shown('a.b.c', bytes));
  setup.clock.skewMs = 11 * 60_000;
  assert.equal((await fail())?.stored, false);
});
