import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { contentHash } from '@satchel/core/manifest.ts';
import type { SignedIn } from '@satchel/protocol/accounts.ts';
import type { ObjectId } from '@satchel/protocol/ids.ts';
import type { ListAnswer } from '@satchel/protocol/objects.ts';
import { chunkOf, freshId, served, type Served } from './served.fixture.ts';

const sha256Hex = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Uploads a file of these chunks by single-chunk calls. */
async function upload(server: Served, me: SignedIn, name: string, pieces: readonly Uint8Array[]): Promise<ObjectId> {
  const { access_token: token, workspaceId } = me;
  const chunks = pieces.map(chunkOf);
  for (const chunk of chunks)
    await server.call('PUT', `chunks/${chunk.id}?workspace_id=${workspaceId}`, { token, body: chunk.bytes });
  const listed = await server.call('GET', `objects?workspace_id=${workspaceId}`, { token });
  const manifest = chunks.map(({ id, size }) => ({ id, size }));
  const objectId = freshId<ObjectId>();
  const operation = {
    op: 'put',
    operationId: freshId(),
    objectId,
    place: { parentId: (listed.json as unknown as ListAnswer).rootId, name },
    baseVersionId: null,
    content: {
      size: manifest.reduce((sum, { size }) => sum + size, 0),
      contentHash: contentHash(manifest, sha256Hex),
      mtimeMs: 0,
      executable: false,
      list: { chunks: manifest },
    },
  };
  const answer = await server.call('POST', 'files/commit', { token, json: { workspaceId, operations: [operation] } });
  assert.equal(answer.status, 200, answer.bytes.toString());
  return objectId;
}

async function removeChunk({ folder }: Served, piece: Uint8Array): Promise<void> {
  const objects = join(folder, 'data', 'blocks', 'objects', 'chunks');
  const names = await readdir(objects, { recursive: true });
  const name = names.find((each) => each.includes(chunkOf(piece).id));
  assert.ok(name !== undefined);
  await rm(join(objects, name));
}

test('a file comes whole, by range, and not again when it is known', async (t) => {
  const server = await served(t);
  const me = await server.signUp();
  const token = me.access_token;
  const pieces = [randomBytes(300_000), randomBytes(70_000), Buffer.from('text '.repeat(50_000))];
  const whole = Buffer.concat(pieces);
  const id = await upload(server, me, 'Größe "1".html', pieces);
  const path = `files/${id}/content?workspace_id=${me.workspaceId}`;

  const all = await server.call('GET', path, { token });
  assert.equal(all.status, 200);
  assert.ok(all.bytes.equals(whole));
  assert.equal(all.headers['content-type'], 'application/octet-stream');
  assert.equal(all.headers['content-length'], String(whole.length));
  assert.equal(
    all.headers['content-disposition'],
    `attachment; filename="Gr__e _1_.html"; filename*=UTF-8''Gr%C3%B6%C3%9Fe%20%221%22.html`,
  );

  const ranges: readonly (readonly [string, number, number])[] = [
    ['bytes=0-0', 0, 1],
    ['bytes=299990-370009', 299_990, 370_010],
    ['bytes=-5', whole.length - 5, whole.length],
    ['bytes=600000-', 600_000, whole.length],
  ];
  for (const [range, from, to] of ranges) {
    const part = await server.call('GET', path, { token, headers: { range } });
    assert.equal(part.status, 206, range);
    assert.equal(part.headers['content-range'], `bytes ${from}-${to - 1}/${whole.length}`);
    assert.ok(part.bytes.equals(whole.subarray(from, to)), range);
  }
  const outside = await server.call('GET', path, { token, headers: { range: `bytes=${whole.length}-` } });
  assert.equal(outside.json.code, 'range_invalid');

  const etag = String(all.headers['etag']);
  assert.equal((await server.call('GET', path, { token, headers: { 'if-none-match': etag } })).status, 304);
  const changed = await server.call('GET', path, { token, headers: { range: 'bytes=0-0', 'if-range': '"other"' } });
  assert.equal(changed.status, 200);
});

test('an empty file and no file', async (t) => {
  const server = await served(t);
  const me = await server.signUp();
  const token = me.access_token;
  const id = await upload(server, me, 'empty', []);
  const empty = await server.call('GET', `files/${id}/content?workspace_id=${me.workspaceId}`, { token });
  assert.deepEqual([empty.status, empty.bytes.length], [200, 0]);
  const none = await server.call('GET', `files/${freshId()}/content?workspace_id=${me.workspaceId}`, { token });
  assert.equal(none.json.code, 'not_found');
});

test('S6 a file that lost a chunk is refused, or its answer cut where it is missing', async (t) => {
  const server = await served(t);
  const me = await server.signUp();
  const token = me.access_token;
  const pieces = [randomBytes(300_000), randomBytes(300_000), randomBytes(300_000)];
  const id = await upload(server, me, 'damaged', pieces);
  const path = `files/${id}/content?workspace_id=${me.workspaceId}`;
  // What was just sent is still in memory, until there is more of it.
  for (let index = 0; index < 9; index++) {
    const { id: other, bytes } = chunkOf(randomBytes(4 << 20));
    await server.call('PUT', `chunks/${other}?workspace_id=${me.workspaceId}`, { token, body: bytes });
  }
  await removeChunk(server, pieces[0] as Uint8Array);
  await removeChunk(server, pieces[2] as Uint8Array);
  const refused = await server.call('GET', path, { token });
  assert.equal(refused.json.code, 'chunk_damaged');
  assert.equal(refused.headers['content-length'], String(refused.bytes.length));
  await assert.rejects(server.call('GET', path, { token, headers: { range: 'bytes=300000-' } }));
});
