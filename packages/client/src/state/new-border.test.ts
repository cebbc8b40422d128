import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEVICE_PLACES, type ContentHash, type ObjectId, type WorkspaceId } from '@satchel/protocol/ids.ts';
import type { Content } from '@satchel/core/tree.ts';
import { ClientDatabase } from './database.ts';
import { renumberAcrossBorders } from './new-border.ts';
import { TreeStore } from './trees.ts';

const id = (name: string) => name.padStart(26, '0') as ObjectId;
const own = 'w'.repeat(26) as WorkspaceId;
const shared = 's'.repeat(26) as WorkspaceId;
const FILE = { kind: 'file', hash: 'a'.repeat(64) as ContentHash, size: 3, executable: false, mtimeMs: 5 } as const;
const FOLDER = { kind: 'folder' } as const;
const stat = { dev: 1, ino: 2, size: 3, mtimeNs: '1', ctimeNs: '1', mode: 0o644 };

/** A device that knows `d/in/f`, `d/x` and `y`, on which `moves` happened before it hears that `d` is shared. */
function afterSharing(moves: { readonly here?: Record<string, string>; readonly there?: Record<string, string> }) {
  const trees = new TreeStore(new ClientDatabase(':memory:'), () => undefined);
  const add = (name: string, parent: string, content: Content) => {
    const node = { objectId: id(name), workspaceId: own, parentId: id(parent), name, content, placeVersion: 1 };
    trees.putSynced(node);
    trees.putRemote({ ...node, parentId: id(moves.there?.[name] ?? parent), seq: 1 });
    trees.putLocal({
      ...node,
      parentId: moves.here?.[name] === 'nowhere' ? DEVICE_PLACES.limbo : id(moves.here?.[name] ?? parent),
      presence: 'present',
      stat,
      seenMs: 9,
    });
  };
  add('d', 'root', FOLDER);
  add('in', 'd', FOLDER);
  add('f', 'in', FILE);
  add('x', 'd', FILE);
  add('y', 'root', FILE);
  const mount = trees.remote.get(id('d'));
  assert.ok(mount);
  trees.moveBelowToWorkspace(id('d'), shared);
  trees.putRemote({ ...mount, content: { kind: 'mount' }, mounts: shared });
  let made = 0;
  renumberAcrossBorders(trees, own, () => id(`new${made++}`));
  const at = (parent: string, name: string) => trees.local.childNamed({ parentId: id(parent), name });
  return { trees, at };
}

test('H37 what was moved out of a folder before it was shared is a new object of the own drive', () => {
  const { trees, at } = afterSharing({ here: { x: 'root', in: 'root' } });
  const [x, folder] = [at('root', 'x'), at('root', 'in')];
  assert.deepEqual([x?.movedFrom, x?.workspaceId], [id('x'), own]);
  assert.deepEqual([folder?.movedFrom, folder?.workspaceId], [id('in'), own]);
  const inside = folder && trees.local.childNamed({ parentId: folder.objectId, name: 'f' });
  assert.deepEqual([inside?.movedFrom, inside?.workspaceId], [id('f'), own]);
  for (const name of ['x', 'in', 'f']) assert.equal(trees.local.get(id(name)), undefined, name);
});

test('H37 what was moved into a folder before it was shared is a new object of the shared one', () => {
  const { at } = afterSharing({ here: { y: 'in' } });
  const y = at('in', 'y');
  assert.deepEqual([y?.movedFrom, y?.workspaceId], [id('y'), shared]);
});

test('C2 what stays on its side of the border, or what another device moved over it, keeps its id', () => {
  for (const moves of [{}, { here: { f: 'd' } }, { there: { y: 'd' } }, { here: { y: 'in' }, there: { y: 'd' } }]) {
    const { trees } = afterSharing(moves);
    for (const name of ['d', 'in', 'f', 'x', 'y'])
      assert.ok(trees.local.get(id(name)), `${name} after ${JSON.stringify(moves)}`);
  }
});

test('C3 what lies nowhere, its name taken by another one, keeps its id: its fate is still to be proved', () => {
  const { trees } = afterSharing({ here: { x: 'nowhere' } });
  assert.deepEqual(
    [trees.local.get(id('x'))?.parentId, trees.local.get(id('x'))?.workspaceId],
    [DEVICE_PLACES.limbo, shared],
  );
});
