import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  chunkOf,
  commitAll,
  deleteOf,
  doneBy,
  doneObject,
  id,
  mkdirOf,
  moveOf,
  openMeta,
  putOf,
  store,
} from './meta-under-test.ts';

test('a folder answers its record and contents in name order, page by page, however they are cut', async () => {
  await using world = await openMeta();
  const { meta } = world;
  const ann = await world.person('ann');
  const folder = await doneBy(meta, ann, mkdirOf(ann.rootId, 'd'));
  const names = Array.from({ length: 25 }, (_, index) => `é${String(index).padStart(2, '0')}`);
  await commitAll(
    meta,
    ann,
    ann.workspaceId,
    names.toReversed().map((name) => mkdirOf(folder.objectId, name)),
  );
  for (const limit of [1, 7, 24, 25, 26]) {
    const found: string[] = [];
    let after: string | undefined;
    do {
      const query = { workspace_id: ann.workspaceId, folder_id: folder.objectId, limit, ...(after ? { after } : {}) };
      const page = await meta.metadata(ann, query);
      assert.deepEqual(page.object, folder);
      assert.ok((page.children?.length ?? 0) <= limit);
      found.push(...(page.children ?? []).map((child) => child.name));
      after = page.after;
    } while (after !== undefined);
    assert.deepEqual(found, names);
  }
});

test('a folder of more than a page is listed completely', async () => {
  await using world = await openMeta();
  const { meta } = world;
  const ann = await world.person('ann');
  const names = Array.from({ length: 2100 }, (_, index) => `n${String(index).padStart(4, '0')}`);
  for (let from = 0; from < names.length; from += 1000)
    await commitAll(
      meta,
      ann,
      ann.workspaceId,
      names.slice(from, from + 1000).map((name) => mkdirOf(ann.rootId, name)),
    );
  for (const limit of [undefined, 500, 999, 1000, 1001, 5000]) {
    const found: string[] = [];
    let after: string | undefined;
    do {
      const query = { workspace_id: ann.workspaceId, folder_id: ann.rootId, ...(limit ? { limit } : {}) };
      const page = await meta.metadata(ann, { ...query, ...(after ? { after } : {}) });
      found.push(...(page.children ?? []).map((child) => child.name));
      after = page.after;
    } while (after !== undefined);
    assert.deepEqual(found, names, `limit ${limit}`);
  }
});

test('K2 a folder that was asked for is fresh after each commit that touches it', async () => {
  await using world = await openMeta();
  const { meta } = world;
  const ann = await world.person('ann');
  const [a, b] = [await doneBy(meta, ann, mkdirOf(ann.rootId, 'a')), await doneBy(meta, ann, mkdirOf(ann.rootId, 'b'))];
  const contents = async (folder_id = ann.rootId) => {
    const { children } = await meta.metadata(ann, { workspace_id: ann.workspaceId, folder_id });
    return children?.map((child) => `${child.name}@${child.seq}`);
  };
  assert.deepEqual(
    [await contents(), await contents(a.objectId), await contents(b.objectId)],
    [['a@1', 'b@2'], [], []],
  );
  const inner = await doneBy(meta, ann, mkdirOf(a.objectId, 'x'));
  assert.deepEqual([await contents(), await contents(a.objectId)], [['a@1', 'b@2'], ['x@3']]);
  await doneBy(meta, ann, moveOf(inner, b.objectId, 'y'));
  assert.deepEqual([await contents(a.objectId), await contents(b.objectId)], [[], ['y@4']]);
  await doneBy(meta, ann, moveOf(a, ann.rootId, 'z'));
  assert.deepEqual(await contents(), ['b@2', 'z@5']);
  const own = await meta.metadata(ann, { workspace_id: ann.workspaceId, folder_id: a.objectId });
  assert.equal(own.object?.name, 'z', 'the folder shows its own new name');
  await doneBy(meta, ann, deleteOf({ ...a, placeVersion: 2 }));
  await assert.rejects(contents(a.objectId), { code: 'not_found' });
});

test('paths lead to files and folders; what is not there is not found', async () => {
  await using world = await openMeta();
  const { meta } = world;
  const ann = await world.person('ann');
  const chunk = chunkOf('text');
  await store(meta, ann, ann.workspaceId, [chunk]);
  const folder = await doneBy(meta, ann, mkdirOf(ann.rootId, 'd'));
  const file = await doneBy(meta, ann, putOf({ place: { parentId: folder.objectId, name: 'f' }, chunks: [chunk] }));
  const at = async (path: string) => meta.metadata(ann, { workspace_id: ann.workspaceId, path });
  assert.deepEqual(await at('/d/f'), { object: file, chunkList: { chunks: [chunk] } });
  assert.deepEqual(await at('d'), { object: folder, children: [file] });
  assert.deepEqual(await at('/'), { children: [folder] });
  for (const path of ['e', 'd/g', 'd/f/g', '/D']) await assert.rejects(at(path), { code: 'not_found' });
});

test('exactly one of file_id, folder_id and path; nothing of other workspaces', async () => {
  await using world = await openMeta();
  const { meta } = world;
  const [ann, bob] = [await world.person('ann'), await world.person('bob')];
  const folder = await doneBy(meta, ann, mkdirOf(ann.rootId, 'd'));
  const workspace_id = ann.workspaceId;
  await assert.rejects(meta.metadata(ann, { workspace_id }), { code: 'request_invalid' });
  await assert.rejects(meta.metadata(ann, { workspace_id, path: '/', folder_id: ann.rootId }), {
    code: 'request_invalid',
  });
  await assert.rejects(meta.metadata(bob, { workspace_id, path: '/' }), { code: 'not_found' });
  const ask = { workspace_id: bob.workspaceId };
  await assert.rejects(meta.metadata(bob, { ...ask, file_id: folder.objectId }), { code: 'not_found' });
  await assert.rejects(meta.metadata(bob, { ...ask, folder_id: folder.objectId }), { code: 'not_found' });
  await assert.rejects(meta.metadata(ann, { workspace_id, file_id: id() }), { code: 'not_found' });
});

test('a dead file is still found by its id, with its content, for history', async () => {
  await using world = await openMeta();
  const { meta } = world;
  const ann = await world.person('ann');
  await store(meta, ann, ann.workspaceId, [chunkOf('x')]);
  const { results } = await commitAll(meta, ann, ann.workspaceId, [
    putOf({ place: { parentId: ann.rootId, name: 'f' }, chunks: [chunkOf('x')] }),
  ]);
  const file = doneObject(results[0]);
  await doneBy(meta, ann, deleteOf(file));
  const { object, chunkList } = await meta.metadata(ann, { workspace_id: ann.workspaceId, file_id: file.objectId });
  assert.equal(object?.deleted, true);
  assert.deepEqual(chunkList, { chunks: [chunkOf('x')] });
});
