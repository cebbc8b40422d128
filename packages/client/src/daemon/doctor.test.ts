import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WorkspaceId } from '@satchel/protocol/ids.ts';
import { objectId, openWorld } from './assembled.fixture.ts';
import { TREE_ROOT } from './assembly.ts';
import type { Daemon } from './daemon.ts';
import { checkEverything } from './doctor.ts';

test('H74 H103 what is excluded from this device is no difference; what should be here and is not is one', async () => {
  await using world = openWorld();
  const { trees, exclusions } = world.parts;
  // Of another workspace, so that the digest of this one is that of nothing.
  const workspaceId = objectId('w') as string as WorkspaceId;
  for (const name of ['excluded', 'missing']) {
    const content = { kind: 'folder' } as const;
    const at = { objectId: objectId(name), workspaceId, parentId: TREE_ROOT, name, content };
    trees.putRemote({ ...at, placeVersion: 1, seq: 1 });
  }
  exclusions.add(objectId('excluded'), 'excluded');
  // As after they were planned and nothing came of it.
  const engine = { isOutstanding: () => false, touchedAgain: () => undefined };
  const parts = { ...world.parts, engine };
  const daemon = { parts, refresh: async () => undefined, breathe: async () => undefined } as unknown as Daemon;
  const { findings } = await checkEverything(daemon, { relist: false, signal: new AbortController().signal });
  assert.deepEqual(
    findings.map(({ code, path }) => ({ code, path })),
    [{ code: 'trees_differ', path: objectId('missing') }],
  );
});
