import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { Operation } from '@satchel/protocol/commit.ts';
import type { ObjectId } from '@satchel/protocol/ids.ts';
import type { ObjectRecord } from '@satchel/protocol/objects.ts';
import {
  chunkOf,
  commitAll,
  deleteOf,
  id,
  listAll,
  mkdirOf,
  moveOf,
  openMeta,
  putOf,
  store,
  type Actor,
} from '../meta-under-test.ts';

const NAMES = ['a', 'b', 'c', 'd'];
const CHUNKS = Array.from({ length: 6 }, (_, index) => chunkOf(`content ${index}`));

/** What a step does, with which of the objects known so far, and to where. */
const step = fc.record({
  act: fc.constantFrom('mkdir', 'put', 'link', 'edit', 'move', 'delete', 'revive', 'repeat'),
  object: fc.nat(),
  parent: fc.nat(),
  name: fc.constantFrom(...NAMES),
  chunk: fc.nat(CHUNKS.length - 1),
});
type Step = (typeof step)['generate'] extends (...args: never[]) => { readonly value: infer S } ? S : never;

/** The operation of a step against what its device knows, which may be out of date. */
function operationOf(actor: Actor, known: readonly ObjectRecord[], sent: readonly Operation[], wish: Step): Operation {
  const folders: ObjectId[] = [
    actor.rootId,
    ...known.filter(({ kind }) => kind === 'folder').map(({ objectId }) => objectId),
  ];
  const parentId = folders[wish.parent % folders.length]!;
  const place = { parentId, name: wish.name };
  const chunks = CHUNKS.slice(0, wish.chunk);
  const object = known[wish.object % Math.max(1, known.length)];
  if (wish.act === 'repeat' && sent.length > 0) return sent[wish.object % sent.length]!;
  if (wish.act === 'link')
    return { op: 'symlink', operationId: id(), objectId: id(), place, baseTarget: null, target: wish.name };
  if (wish.act === 'put') return putOf({ place, chunks });
  if (object !== undefined && wish.act === 'move') return moveOf(object, parentId, wish.name);
  if (object !== undefined && wish.act === 'delete') return deleteOf(object);
  if (object?.kind === 'file' && wish.act === 'edit') return putOf({ base: object, chunks });
  if (object?.kind === 'file' && wish.act === 'revive') return putOf({ base: object, place, chunks });
  return mkdirOf(parentId, wish.name, wish.act === 'revive' && object?.kind === 'folder' ? object.objectId : id());
}

test('whatever two devices send, tree, digest, usage and references stay sound, and a follower sees the same tree', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(step, { minLength: 1, maxLength: 12 }), { maxLength: 12 }), async (batches) => {
      await using world = await openMeta({ quotaBytes: 200 });
      const { meta } = world;
      const ann = await world.person('ann');
      await store(meta, ann, ann.workspaceId, CHUNKS);
      const known = new Map<ObjectId, ObjectRecord>();
      const followed = new Map<ObjectId, ObjectRecord>();
      const sent: Operation[] = [];
      let { cursor } = await listAll(meta, ann, ann.workspaceId);
      for (const steps of batches) {
        const operations = steps.map((wish) => operationOf(ann, [...known.values()], sent, wish));
        sent.push(...operations);
        const { results } = await commitAll(meta, ann, ann.workspaceId, operations);
        for (const result of results) {
          const object = result.object;
          if (object !== undefined) known.set(object.objectId, object);
        }
        const page = await meta.list(ann, { workspace_id: ann.workspaceId, cursor });
        for (const object of page.objects) followed.set(object.objectId, object);
        cursor = page.cursor;
      }
      const byId = (a: ObjectRecord, b: ObjectRecord): number => (a.objectId < b.objectId ? -1 : 1);
      const { objects } = await listAll(meta, ann, ann.workspaceId);
      const live = [...followed.values()].filter((object) => !object.deleted);
      assert.deepEqual(live.sort(byId), objects.toSorted(byId));
      assert.deepEqual((await meta.doctor()).findings, []);
      assert.ok((await meta.account(ann)).usedBytes <= 200);
    }),
    { numRuns: 25 },
  );
});
