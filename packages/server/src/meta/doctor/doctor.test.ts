import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { chunkOf, doneBy, mkdirOf, openMeta, putOf, store, type MetaUnderTest } from '../meta-under-test.ts';

/** A small tree and one planted fault. */
async function worldWith(sql: string): Promise<MetaUnderTest> {
  const world = await openMeta();
  const { meta } = world;
  const ann = await world.person('ann');
  const bob = await world.person('bob');
  const folder = await doneBy(meta, ann, mkdirOf(ann.rootId, 'd'));
  await store(meta, ann, ann.workspaceId, [chunkOf('x')]);
  await doneBy(meta, ann, putOf({ place: { parentId: folder.objectId, name: 'f' }, chunks: [chunkOf('x')] }));
  const shared = await doneBy(meta, ann, mkdirOf(ann.rootId, 's'));
  await meta.share(ann, { objectId: shared.objectId, email: bob.email, role: 'viewer' });
  assert.deepEqual((await meta.doctor()).findings, []);
  const database = new DatabaseSync(join(world.folder, 'satchel.sqlite'));
  database.exec(sql);
  database.close();
  return world;
}

async function codesOf({ meta }: MetaUnderTest): Promise<readonly string[]> {
  const { findings, found } = await meta.doctor();
  assert.equal(found, findings.length);
  return [...new Set(findings.map((finding) => finding.code))].sort();
}

const FAULTS: readonly (readonly [fault: string, sql: string, expected: readonly string[]])[] = [
  ['a wrong digest', `update workspaces set digest = '${'0'.repeat(31)}1' where kind = 'shared'`, ['digest_wrong']],
  ['a wrong usage', `update workspaces set used_bytes = used_bytes + 1 where kind = 'shared'`, ['usage_wrong']],
  ['a seq beyond the head', `update workspaces set head_seq = 1 where head_seq > 1`, ['seq_wrong']],
  ['a name changed behind the back', `update objects set name = 'y' where name = 'f'`, ['digest_wrong']],
  ['an orphan', `update objects set parent_id = 'nowhere' where name = 'f'`, ['digest_wrong', 'orphan']],
  ['a cycle', `update objects set parent_id = object_id where name = 'd'`, ['cycle', 'digest_wrong']],
  ['a lost version', `delete from versions`, ['references_wrong', 'version_missing']],
  ['a wrong reference count', `update workspace_chunks set refs = 2`, ['references_wrong']],
  ['a lost link', `delete from workspace_chunks`, ['chunk_unlinked', 'links_wrong']],
  ['a lost chunk', `delete from chunks`, ['chunk_unrecorded']],
  ['a wrong count of links', `update chunks set links = 2`, ['links_wrong']],
  [
    'a lost owner',
    `update members set role = 'editor' where role = 'owner' and mount_id is not null`,
    ['owner_missing'],
  ],
  ['a lost mount', `update members set mount_id = 'nowhere' where role = 'viewer'`, ['mount_missing']],
];

for (const [fault, sql, expected] of FAULTS)
  test(`doctor finds ${fault}`, async () => {
    await using world = await worldWith(sql);
    assert.deepEqual(await codesOf(world), expected);
  });

/** What is derived from other records, and can be counted anew. */
const DERIVED = new Set(['digest_wrong', 'usage_wrong', 'references_wrong', 'chunk_unlinked', 'links_wrong']);

test('repair counts anew what is derived from other records, and touches nothing else', async () => {
  let mended = 0;
  for (const [fault, sql, expected] of FAULTS) {
    await using world = await worldWith(sql);
    const { findings } = await world.meta.doctor();
    await world.meta.repair(findings);
    const left = expected.filter((code) => !DERIVED.has(code));
    assert.deepEqual(await codesOf(world), left, fault);
    if (left.length === 0) mended++;
  }
  assert.ok(mended >= 6, `only ${mended} faults were mended`);
});

test('doctor finds nothing wrong while chunks are stored and files committed beside it', async () => {
  await using world = await openMeta();
  const { meta } = world;
  const ann = await world.person('ann');
  const state = { ended: false, committed: 0 };
  const working = (async () => {
    for (; !state.ended; state.committed++) {
      const chunk = chunkOf(`content ${state.committed}`);
      await store(meta, ann, ann.workspaceId, [chunk]);
      await doneBy(meta, ann, putOf({ place: { parentId: ann.rootId, name: `f${state.committed}` }, chunks: [chunk] }));
    }
  })().finally(() => (state.ended = true));
  const looking = (async () => {
    const seen: unknown[] = [];
    for (let looks = 0; !state.ended && (looks < 20 || state.committed < 20); looks++) {
      seen.push(...(await meta.doctor()).findings);
      // A look at a small database is one long microtask.
      await new Promise(setImmediate);
    }
    return seen;
  })().finally(() => (state.ended = true));
  const [seen] = await Promise.all([looking, working]);
  assert.deepEqual(seen, []);
});
