import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { Worker } from 'node:worker_threads';
import * as fc from 'fast-check';
import { setUpWatch, type WatchedFolder } from '../../ports/watcher.contract.ts';
import type { DirtyPath, Watcher } from '../../ports/watcher.ts';
import { loadNativeCalls } from '../native-calls.ts';
import { createInotifyWatcher } from './watcher.ts';
import type { Change } from './convergence-changes.ts';

const linux = { skip: process.platform !== 'linux' };

function createWatcher(): Watcher {
  const calls = loadNativeCalls();
  assert.ok(calls !== undefined);
  const clock = {
    monotonic: () => performance.now(),
    delay: () => Promise.reject(new Error('nothing is to be polled')),
  };
  return createInotifyWatcher(calls, { privateFolder: '.satchel', intervalMs: 1, clock });
}

const somePath = fc
  .array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 3 })
  .map((names) => names.join('/'));
const change: fc.Arbitrary<Change> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('make' as const), path: somePath }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('write' as const), path: somePath }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('move' as const), path: somePath, to: somePath }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('remove' as const), path: somePath }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('leave' as const), path: somePath }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('return' as const), path: somePath }) },
);

type Model = Map<string, string>;

/** Does what the port asks of a listener, and nothing beyond it. */
function look(root: string, model: Model, event: Pick<DirtyPath, 'path' | 'deep'>): void {
  const stat = fs.lstatSync(join(root, event.path), { throwIfNoEntry: false });
  if (stat?.isDirectory() !== true) drop(model, event.path);
  if (stat === undefined) return;
  if (event.path !== '') model.set(event.path, describe(stat));
  if (!stat.isDirectory()) return;
  const prefix = event.path === '' ? '' : `${event.path}/`;
  const names = list(join(root, event.path));
  for (const known of model.keys()) {
    const rest = known.startsWith(prefix) ? known.slice(prefix.length) : '';
    if (rest !== '' && !rest.includes('/') && !names.has(rest)) drop(model, known);
  }
  for (const name of names) {
    const found = fs.lstatSync(join(root, prefix + name), { throwIfNoEntry: false });
    if (found !== undefined) model.set(prefix + name, describe(found));
    if (event.deep && found?.isDirectory() === true) look(root, model, { path: prefix + name, deep: true });
  }
}

function drop(model: Model, path: string): void {
  for (const known of model.keys()) if (known === path || known.startsWith(`${path}/`)) model.delete(known);
}

/** What moves on between the lstat and the listing is told by its events. */
function list(folder: string): ReadonlySet<string> {
  try {
    return new Set(fs.readdirSync(folder));
  } catch (error) {
    assert.match((error as NodeJS.ErrnoException).code ?? '', /^(ENOENT|ENOTDIR)$/);
    return new Set();
  }
}

function describe(stat: fs.Stats): string {
  return stat.isDirectory() ? `folder ${stat.ino}` : `file ${stat.ino} ${stat.size}`;
}

function truth(root: string): Model {
  const model: Model = new Map();
  for (const entry of fs.readdirSync(root, { recursive: true, withFileTypes: true })) {
    const full = join(entry.parentPath, entry.name);
    model.set(full.slice(root.length + 1), describe(fs.lstatSync(full)));
  }
  return model;
}

async function assertConvergence(t: TestContext, run: (folder: WatchedFolder) => Promise<void>): Promise<void> {
  const model: Model = new Map();
  const watcher = createWatcher();
  let root = '';
  const folder = await setUpWatch(t, {
    watch: (path_, listener) => {
      root = path_;
      return watcher.watch(path_, (batch) => {
        for (const event of batch) {
          if (event.kind === 'dirty') look(root, model, event);
          else assert.fail(event.kind);
        }
        listener(batch);
      });
    },
  });
  await run(folder);
  await folder.caughtUp();
  const sorted = (each: Model): readonly (readonly [string, string])[] =>
    [...each].sort(([a], [b]) => (a < b ? -1 : 1));
  assert.deepEqual(sorted(model), sorted(truth(root)));
  await folder.settle();
  const folders = [...truth(root)].filter(([, what]) => what.startsWith('folder')).map(([name]) => `${name}/probe`);
  const probes = ['probe', ...folders].sort();
  for (const probe of probes) fs.writeFileSync(join(root, probe), '');
  await folder.caughtUp();
  assert.deepEqual(
    folder.seen
      .dirty()
      .map((event) => event.path)
      .sort(),
    probes,
  );
  await folder.watch[Symbol.asyncDispose]();
  fs.rmSync(dirname(root), { recursive: true });
}

test(
  'W3 W4 W5 changes at any pace: who follows the events has the true tree, and all of it is watched',
  linux,
  async (t) => {
    const { applyChange } = await import('./convergence-changes.ts');
    const paced = fc.record({ change, turns: fc.constantFrom(0, 0, 0, 1, 2, 5) });
    await fc.assert(
      fc.asyncProperty(fc.array(paced, { minLength: 5, maxLength: 40 }), (steps) =>
        assertConvergence(t, async ({ root, outside }) => {
          for (const step of steps) {
            applyChange(step.change, { root, outside });
            for (let turn = 0; turn < step.turns; turn += 1) await new Promise((resolve) => setImmediate(resolve));
          }
        }),
      ),
      { numRuns: 40 },
    );
  },
);

test('W3 W4 W5 W7 the same while another thread makes the changes as fast as it can', linux, async (t) => {
  const worker = new Worker(new URL('./convergence-changes.ts', import.meta.url));
  t.after(() => worker.terminate());
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 100, maxLength: 300 }), (changes) =>
      assertConvergence(t, async ({ root, outside }) => {
        // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
        worker.postMessage({ changes, root, outside });
        await new Promise((resolve) => worker.once('message', resolve));
      }),
    ),
    // A run is not repeatable, so that shrinking would only wander.
    { numRuns: 15, endOnFailure: true },
  );
});
