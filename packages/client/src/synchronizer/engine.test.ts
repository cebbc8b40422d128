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

test('H103 a folder that was left to a person is planned again when something in it changes, not forgotten', () => {
  const late: { engine?: Engine } = {};
  const trees = new TreeStore(new ClientDatabase(':memory:'), (changed) => late.engine?.touched(changed));
  const problems = new ObjectProblems(() => 0);
  trees.putLocal(row('folder', 'root'));
  problems.addLasting(id('folder'), 'mount_gone', 'for a person');
  late.engine = new Engine({ trees, problems } as EngineDeps);
  trees.putLocal(row('new', 'folder'));
  assert.deepEqual([...late.engine.outstanding()].sort(), [id('folder'), id('new')].sort());
});

test('C6 much that waits is not looked at all the time, however often something may have changed', async () => {
  let [nowMs, plans] = [0, 0];
  const trees = new TreeStore(new ClientDatabase(':memory:'), (changed) => engine.touched(changed));
  const stopping = new AbortController();
  const engine: Engine = new Engine({
    trees,
    problems: new ObjectProblems(() => nowMs),
    tasks: { isBusy: () => false, isFull: () => false, start: async () => undefined },
    guard: {
      allowed: () => Infinity,
      isHeld: () => false,
      isHolding: () => false,
      hold: () => undefined,
      settled: () => undefined,
    },
    clock: { monotonic: () => nowMs, delay: () => new Promise(() => undefined) },
    settings: {
      rootId: id('root'),
      canWrite: () => true,
      joinsShares: () => true,
      awaitedCopy: () => undefined,
    },
    isReady: () => true,
    isUnsettled: () => false,
    excluded: () => () => false,
    isLeftAlone: () => false,
    part: () => undefined,
    breathe: async () => undefined,
    transaction: <T>(work: () => T) => {
      plans++;
      nowMs += 10;
      return work();
    },
  } as unknown as EngineDeps);
  for (let at = 0; at < 100; at++) trees.putLocal({ ...row(`waits${at}`, 'root'), presence: 'unknown' });
  const running = engine.run(stopping.signal);
  const woken = async (): Promise<void> => {
    engine.wake();
    await engine.turned(stopping.signal);
  };
  for (let at = 0; at < 10; at++) await woken();
  assert.equal(plans, 1);
  nowMs += 40;
  await woken();
  assert.equal(plans, 2);
  for (let at = 1; at < 100; at++) trees.removeLocal(id(`waits${at}`));
  nowMs += 40;
  await woken();
  await woken();
  assert.ok(plans >= 4, 'what is little is looked at each time');
  stopping.abort();
  engine.wake();
  await running;
});
