import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commitAll, doneObject, id, mkdirOf, openMeta } from '../meta-under-test.ts';

test('commits that wait together are answered each as if it were alone, however many there are', async () => {
  await using world = await openMeta();
  const { meta } = world;
  const ann = await world.person('ann');
  const requests = Array.from({ length: 30 }, (_, request) =>
    Array.from({ length: 70 }, (__, index) => mkdirOf(ann.rootId, `r${request} ${index}`)),
  );
  const answers = await Promise.all(
    requests.map(async (operations) => commitAll(meta, ann, ann.workspaceId, operations)),
  );
  const seqs = answers.flatMap(({ results, head }, request) => {
    const objects = results.map(doneObject);
    assert.deepEqual(
      objects.map((object) => object.objectId),
      requests[request]?.map((operation) => operation.objectId),
    );
    assert.equal(head, objects.at(-1)?.seq, 'the head as it was after this request');
    return objects.map((object) => object.seq);
  });
  assert.deepEqual(
    seqs.toSorted((a, b) => a - b),
    Array.from({ length: 2100 }, (_, index) => index + 1),
  );
});

test('of two that want one name at once, one gets it and the other is told who has it', async () => {
  await using world = await openMeta();
  const ann = await world.person('ann');
  const [first, second] = [mkdirOf(ann.rootId, 'same'), mkdirOf(ann.rootId, 'same')];
  const answers = await Promise.all(
    [first, second].map(async (operation) => commitAll(world.meta, ann, ann.workspaceId, [operation])),
  );
  const [winner, loser] = answers.map(({ results }) => results[0]);
  assert.equal(doneObject(winner).objectId, first.objectId);
  assert.ok(loser?.outcome === 'refused' && loser.code === 'name_taken');
  assert.deepEqual(loser.taken, doneObject(winner));
});

test('where the database cannot be used every commit fails, the next one too, and none hangs', async () => {
  const world = await openMeta();
  const ann = await world.person('ann');
  await world[Symbol.asyncDispose]();
  const failing = async () => commitAll(world.meta, ann, ann.workspaceId, [mkdirOf(ann.rootId, id())]);
  await Promise.all([
    assert.rejects(failing(), { code: 'unavailable' }),
    assert.rejects(failing(), { code: 'unavailable' }),
  ]);
  await assert.rejects(failing(), { code: 'unavailable' });
});
