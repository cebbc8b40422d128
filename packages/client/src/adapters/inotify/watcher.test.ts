import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { createRecorder, setUpWatch, watcherContract } from '../../ports/watcher.contract.ts';
import { loadNativeCalls, type NativeCalls } from '../native-calls.ts';
import type { PollClock } from '../tree-poller.ts';
import { createInotifyWatcher, type InotifyWatcher } from './watcher.ts';

const linux = { skip: process.platform !== 'linux' };

/** Sleeps until `wake` is called or the watch ends. */
function manualClock(): PollClock & { readonly wake: () => void } {
  let sleepers: (() => void)[] = [];
  return {
    monotonic: () => performance.now(),
    delay: (_, signal) =>
      new Promise((resolve) => {
        sleepers.push(resolve);
        signal?.addEventListener('abort', () => resolve(), { once: true });
      }),
    wake() {
      const woken = sleepers;
      sleepers = [];
      for (const wake of woken) wake();
    },
  };
}

function nativeCalls(): NativeCalls {
  const calls = loadNativeCalls();
  assert.ok(calls !== undefined);
  return calls;
}

function createWatcher(calls = nativeCalls(), clock: PollClock = manualClock()): InotifyWatcher {
  return createInotifyWatcher(calls, { privateFolder: '.satchel', intervalMs: 1, clock });
}

/** The real calls, on a system that allows `limit()` watches. */
function limitedCalls(limit: () => number): NativeCalls {
  const calls = nativeCalls();
  const watches = new Set<number>();
  return {
    ...calls,
    inotifyAddWatch(descriptor, path, mask) {
      const watch = calls.inotifyAddWatch(descriptor, path, mask);
      if (typeof watch === 'string' || watches.has(watch)) return watch;
      if (watches.size >= limit()) {
        calls.inotifyRemoveWatch(descriptor, watch);
        return 'ENOSPC';
      }
      watches.add(watch);
      return watch;
    },
  };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

if (process.platform === 'linux') {
  watcherContract('inotify', () => ({ watcher: createWatcher(), precise: true }));
}

test('W1 an event comes by itself, without a call to caughtUp', linux, async (t) => {
  const { at, seen } = await setUpWatch(t, createWatcher());
  fs.writeFileSync(at('file'), 'x');
  await until(() => seen.covers('file'));
});

test(
  'W2 closed: false from the first write until the close, true after close, chmod, rename and removal',
  linux,
  async (t) => {
    const { at, seen, settle, caughtUp } = await setUpWatch(t, createWatcher());
    const closed = async (): Promise<boolean | undefined> => {
      await caughtUp();
      const last = seen.dirty().findLast((event) => event.path === 'file')?.closed;
      seen.clear();
      return last;
    };
    const descriptor = fs.openSync(at('file'), 'w');
    assert.equal(await closed(), false, 'created');
    fs.writeSync(descriptor, 'x');
    assert.equal(await closed(), false, 'written');
    fs.fchmodSync(descriptor, 0o600);
    assert.equal(await closed(), false, 'mode changed while open for writing');
    fs.closeSync(descriptor);
    assert.equal(await closed(), true, 'closed');
    fs.chmodSync(at('file'), 0o644);
    assert.equal(await closed(), true, 'mode changed');
    fs.writeFileSync(at('other'), 'whole');
    await settle();
    fs.renameSync(at('other'), at('file'));
    assert.equal(await closed(), true, 'replaced by rename');
    fs.rmSync(at('file'));
    assert.equal(await closed(), true, 'removed');
  },
);

test(
  'W2 H2 a writer that never stops is reported a bounded number of times, others meanwhile at once',
  linux,
  async (t) => {
    const { at, seen, caughtUp } = await setUpWatch(t, createWatcher());
    const busy = fs.openSync(at('busy'), 'w');
    const end = performance.now() + 320;
    let writes = 0;
    for (; performance.now() < end; writes += 1) {
      fs.writeSync(busy, 'x');
      fs.rmSync(at('absent'), { force: true });
      await new Promise((resolve) => setImmediate(resolve));
    }
    fs.writeFileSync(at('other'), 'x');
    await until(() => seen.covers('other'));
    await caughtUp();
    fs.closeSync(busy);
    const reports = seen.dirty().filter((event) => event.path === 'busy').length;
    assert.ok(reports <= 8 * (320 / 16) + 16, `${reports} reports of ${writes} writes`);
  },
);

test(
  'W3 entries of a folder that was moved in are not closed until their writer is done; folders are',
  linux,
  async (t) => {
    const { at, outside, seen, caughtUp } = await setUpWatch(t, createWatcher());
    fs.mkdirSync(join(outside, 'tree/sub'), { recursive: true });
    fs.writeFileSync(join(outside, 'tree/file'), 'x');
    fs.renameSync(join(outside, 'tree'), at('tree'));
    await caughtUp();
    const closed = Object.fromEntries(seen.dirty().map((event) => [event.path, event.closed]));
    assert.deepEqual(closed, { tree: true, 'tree/file': false, 'tree/sub': true });
  },
);

test(
  'W4 the rename of a folder with 1,000 folders below sets no watch anew and is one deep report',
  linux,
  async (t) => {
    const calls = nativeCalls();
    let asked = 0;
    const counting: NativeCalls = {
      ...calls,
      inotifyAddWatch(...parameters) {
        asked += 1;
        return calls.inotifyAddWatch(...parameters);
      },
    };
    const { at, seen, settle, caughtUp } = await setUpWatch(t, createWatcher(counting), (root) => {
      for (let index = 0; index < 1000; index += 1)
        fs.mkdirSync(join(root, `big/${index % 10}/${index}`), { recursive: true });
    });
    await settle();
    asked = 0;
    fs.renameSync(at('big'), at('renamed'));
    await caughtUp();
    assert.deepEqual(
      seen.dirty().map(({ path, deep }) => ({ path, deep })),
      [
        { path: 'big', deep: false },
        { path: 'renamed', deep: true },
      ],
    );
    assert.ok(asked <= 4, `${asked} calls`);
    await settle();
    fs.writeFileSync(at('renamed/9/999/file'), '');
    await caughtUp();
    assert.ok(seen.dirty().some((event) => event.path === 'renamed/9/999/file'));
  },
);

test('W8 H76 lost events give one overflow, and folders made meanwhile are watched after it', linux, async (t) => {
  const watcher = createWatcher();
  const seen = createRecorder();
  const { root } = await setUpWatch(t, watcher, (folder) => {
    fs.mkdirSync(join(folder, 'stays/below'), { recursive: true });
    fs.mkdirSync(join(folder, 'goes/below'), { recursive: true });
  });
  await using watch = await watcher.watch(root, seen.listener);
  const at = (path: string): string => join(root, path);
  const limit = Number(fs.readFileSync('/proc/sys/fs/inotify/max_queued_events', 'utf8'));
  const resume = watch.suspend();
  for (const name of ['a', 'b']) fs.writeFileSync(at(name), '');
  for (let event = 0; event <= limit; event += 1) fs.chmodSync(at(event % 2 === 0 ? 'a' : 'b'), 0o600);
  fs.renameSync(at('goes'), at('went'));
  fs.mkdirSync(at('new/sub'), { recursive: true });
  fs.rmSync(at('stays/below'), { recursive: true });
  resume();
  assert.equal(await watch.caughtUp(), 'caught-up');
  assert.equal(seen.events.filter((event) => event.kind === 'overflow').length, 1);
  assert.equal(seen.events.at(-1)?.kind, 'overflow', 'what was found on the way comes before it');
  seen.clear();
  for (const path of ['went/below/file', 'new/sub/file', 'stays/file']) fs.writeFileSync(at(path), '');
  assert.equal(await watch.caughtUp(), 'caught-up');
  for (const path of ['went/below/file', 'new/sub/file', 'stays/file']) {
    assert.ok(
      seen.dirty().some((event) => event.path === path),
      path,
    );
  }
});

test(
  'W9 H77 out of watches: limit once, the rest is polled, and watched when there are watches again',
  linux,
  async (t) => {
    const clock = manualClock();
    let limit = 3;
    const watcher = createWatcher(
      limitedCalls(() => limit),
      clock,
    );
    const { at, seen, caughtUp } = await setUpWatch(t, watcher, (root) => {
      for (const name of ['a', 'b', 'c', 'd', 'e']) fs.mkdirSync(join(root, name, 'sub'), { recursive: true });
    });
    const limits = seen.events.filter((event) => event.kind === 'limit');
    assert.equal(limits.length, 1);
    assert.match(limits[0]?.path ?? '', /^[a-e](\/sub)?$/);
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      seen.clear();
      fs.writeFileSync(at(`${name}/sub/file`), name);
      await until(() => (clock.wake(), seen.covers(`${name}/sub/file`)));
    }
    limit = 100;
    fs.writeFileSync(at('e/sub/marker'), '');
    seen.clear();
    await until(() => (clock.wake(), seen.covers('e/sub/marker')));
    await caughtUp();
    seen.clear();
    fs.appendFileSync(at('e/sub/file'), 'more');
    await caughtUp();
    assert.ok(
      seen.dirty().some((event) => event.path === 'e/sub/file' && event.closed),
      'by an event, not by polling',
    );
  },
);

test('W10 a fault of the descriptor ends the watch with failed', linux, async (t) => {
  const calls = nativeCalls();
  let broken = false;
  const breaking: NativeCalls = {
    ...calls,
    readAvailable(descriptor, target) {
      if (broken) throw new Error('EIO: read');
      return calls.readAvailable(descriptor, target);
    },
  };
  const { at, watch, seen, settle } = await setUpWatch(t, createWatcher(breaking));
  await settle();
  broken = true;
  fs.writeFileSync(at('file'), '');
  await until(() => seen.events.length > 0);
  assert.deepEqual(
    seen.events.map((event) => event.kind),
    ['failed'],
  );
  assert.equal(await watch.caughtUp(), 'ended');
});

const folderName = fc.constantFrom('a', 'b', 'c');
const folderPath = fc.array(folderName, { minLength: 1, maxLength: 3 }).map((names) => names.join('/'));
const change = fc.oneof(
  fc.record({ kind: fc.constant('make' as const), path: folderPath }),
  fc.record({ kind: fc.constant('move' as const), path: folderPath, to: folderPath }),
  fc.record({ kind: fc.constant('remove' as const), path: folderPath }),
  fc.record({ kind: fc.constant('leave' as const), path: folderPath }),
  fc.record({ kind: fc.constant('return' as const), path: folderPath }),
  fc.record({ kind: fc.constant('pause' as const), turns: fc.integer({ min: 1, max: 6 }) }),
);

test(
  'W3 W4 W5 after any moves of folders, at any pace, each folder is watched under its own path',
  linux,
  async (t) => {
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 5, maxLength: 40 }), async (changes) => {
        const { root, outside, at, watch, seen, settle, caughtUp } = await setUpWatch(t, createWatcher());
        for (const each of changes) {
          try {
            if (each.kind === 'make') fs.mkdirSync(at(each.path), { recursive: true });
            else if (each.kind === 'move') fs.renameSync(at(each.path), at(each.to));
            else if (each.kind === 'remove') fs.rmSync(at(each.path), { recursive: true });
            else if (each.kind === 'leave') fs.renameSync(at(each.path), join(outside, 'kept'));
            else if (each.kind === 'return') fs.renameSync(join(outside, 'kept'), at(each.path));
            else for (let turn = 0; turn < each.turns; turn += 1) await new Promise((resolve) => setImmediate(resolve));
          } catch (error) {
            // Absent, taken, or a folder into itself: the change is impossible here, which is no concern of this test.
            assert.match((error as NodeJS.ErrnoException).code ?? '', /^(ENOENT|ENOTEMPTY|EINVAL|EEXIST|ENOTDIR)$/);
          }
        }
        await settle();
        const folders = fs
          .readdirSync(root, { recursive: true, withFileTypes: true })
          .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1));
        const probes = ['', ...folders].map((folder) => (folder === '' ? 'probe' : `${folder}/probe`));
        for (const probe of probes) fs.writeFileSync(at(probe), '');
        await caughtUp();
        assert.deepEqual(
          seen
            .dirty()
            .map((event) => event.path)
            .sort(),
          probes.sort(),
        );
        await watch[Symbol.asyncDispose]();
      }),
      { numRuns: 150 },
    );
  },
);
