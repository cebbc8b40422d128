/** C1, C6, C7: the planner copes with any three trees, however little they have to do with each other. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { samePlace, sameBytes } from '@satchel/core/diff.ts';
import { MemoryTree } from '@satchel/core/memory-tree.ts';
import type { Content, TreeNode } from '@satchel/core/tree.ts';
import type { ContentHash, ObjectId, VersionId } from '@satchel/protocol/ids.ts';
import { freshSeed } from '../../support/random.ts';
import { ModelDevice } from './model-device.ts';
import { ModelServer } from './model-server.ts';
import { WORKSPACE } from './model-user.ts';
import { settle } from './run-case.ts';

const ROOT = 'root' as ObjectId;
const OBJECTS = 8;
/** The first half of the ids are folders, the rest files: an id never changes its kind. */
const FOLDERS = OBJECTS / 2;

/** For each object whether it is there, under which folder, and numbers for its name and its bytes. */
const anyTree = fc.array(
  fc.record({ there: fc.boolean(), parent: fc.nat(FOLDERS), name: fc.nat(4), bytes: fc.nat(2) }),
  { minLength: OBJECTS, maxLength: OBJECTS },
);
type AnyTree = typeof anyTree extends fc.Arbitrary<infer Value> ? Value : never;

/** The nodes of it that make a tree: with unique names, without circles, each in a folder that is there. */
function nodesOf(objects: AnyTree): TreeNode[] {
  const idOf = (index: number): ObjectId => (index === FOLDERS ? ROOT : (`o${index}` as ObjectId));
  const tree = new MemoryTree<TreeNode>();
  for (let pass = 0; pass <= OBJECTS; pass++) {
    for (const [index, { there, parent, name, bytes }] of objects.entries()) {
      const objectId = `o${index}` as ObjectId;
      const place = { parentId: idOf(parent), name: `n${name}` };
      const parentIsThere = place.parentId === ROOT || tree.get(place.parentId);
      if (!there || tree.get(objectId) || !parentIsThere || tree.childNamed(place)) continue;
      const hash = `o${index}b${bytes}` as ContentHash;
      const content: Content =
        index < FOLDERS ? { kind: 'folder' } : { kind: 'file', hash, size: 1, executable: false, mtimeMs: 0 };
      tree.set({ objectId, ...place, workspaceId: WORKSPACE, content });
    }
  }
  return [...tree.values()];
}

function versionOf({ content }: TreeNode): { readonly versionId?: VersionId } {
  return content.kind === 'file' ? { versionId: `v-${content.hash}` as VersionId } : {};
}

test('C1 C6 C7 any three trees become one, and nothing that only one side has is lost', () => {
  const trees = fc.record({ local: anyTree, remote: anyTree, synced: anyTree, limit: fc.constantFrom(1, 3, 1000) });
  const check = ({ local, remote, synced, limit }: typeof trees extends fc.Arbitrary<infer Value> ? Value : never) => {
    const server = new ModelServer(ROOT);
    for (const node of nodesOf(remote)) server.adopt({ ...node, ...versionOf(node), placeVersion: 1 });
    let ids = 0;
    const freshId = () => `fresh${++ids}` as ObjectId;
    const device = new ModelDevice(server, { name: 'd', canWrite: true, limit, freshId });
    for (const node of nodesOf(synced)) device.synced.set({ ...node, ...versionOf(node), placeVersion: 1 });
    for (const node of nodesOf(local)) device.local.set({ ...node, presence: 'present' });
    const news = [...device.local.values(), ...server.tree.values()].filter((node) => {
      const base = device.synced.get(node.objectId);
      return node.content.kind === 'file' && !(base && sameBytes(base.content, node.content));
    });
    for (const tree of [device.local, device.synced]) for (const id of tree.keys()) device.dirty.add(id);
    settle([device]);

    const live = Array.from(server.tree.values()).filter((node) => !node.deleted);
    assert.equal(live.length, [...device.local.values()].length);
    for (const node of live) assert.ok(samePlace(node, device.local.get(node.objectId)!));
    for (const { content } of news) assert.ok(live.some((node) => sameBytes(node.content, content)));
  };
  fc.assert(fc.property(trees, check), {
    numRuns: Number(process.env['SATCHEL_TEST_RUNS'] ?? 2000),
    seed: freshSeed(),
  });
});
