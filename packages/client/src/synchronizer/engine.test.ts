import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ObjectId, WorkspaceId } from '@satchel/protocol/ids.ts';
import { ClientDatabase } from '../state/database.ts';
import type { LocalRow } from '../state/rows.ts';
import { TreeStore } from '../state/trees.ts';
import { Engine, type EngineDeps } from './engine.ts';
import { ObjectProblems } from './object-problems.ts';

const id = (name: string) => name.padStart(26, '0') as ObjectId;
const stat = { dev: 1, ino: 2, size: 0, mtimeNs: '1', ctimeNs: '1', mode: 0o755 };

function row(name: string, parent: string): LocalRow {
  const place = { objectId: id(name), workspaceId: id('w') as string as WorkspaceId, parentId: id(parent), name };
  return { ...place, content: { kind: 'folder' }, presence: 'present', stat, seenMs: 0 };
}

test('H104 a folder that was stuck is tried again when something in it is seen', () => {
  const trees = new TreeStore(new ClientDatabase(':memory:'), (changed) => engine.touched(changed));
  const problems = new ObjectProblems(() => 0);
  const engine: Engine = new Engine({ trees, problems } as EngineDeps);
  trees.putLocal(row('folder', 'root'));
  problems.addLasting(id('folder'), 'stuck', 'no progress');
  problems.addLasting(id('other'), 'stuck', 'no progress');
  trees.putLocal(row('new', 'folder'));
  assert.deepEqual(
    problems.all().map(({ objectId }) => objectId),
    [id('other')],
  );
});
