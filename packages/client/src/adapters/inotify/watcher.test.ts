import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
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
  for (const end = performance.now() + 30_000; !condition();) {
    assert.ok(performance.now() < end, `in vain: ${condition.toString()}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
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

test('W4 a folder made in one that is away for a moment is watched when that comes back', linux, async (t) => {
  const calls = nativeCalls();
  let wait = false;
  // One event in each drain, so that the leaving is handled before the return is read.
  const slow: NativeCalls = {
    ...calls,
    readAvailable(descriptor, target) {
      wait = !wait;
      return wait ? calls.readAvailable(descriptor, target.subarray(0, 32)) : 0;
    },
  };
  const { at, outside, seen } = await setUpWatch(t, createWatcher(slow), (root) => fs.mkdirSync(join(root, 'folder')));
  fs.renameSync(at('folder'), join(outside, 'folder'));
  fs.mkdirSync(join(outside, 'folder/new'));
  fs.renameSync(join(outside, 'folder'), at('folder'));
  await until(() => {
    fs.appendFileSync(at('folder/new/file'), 'x');
    return seen.dirty().some((event) => event.path === 'folder/new/file');
  });
});

test('W5 the watches of a tree that has left are given back', linux, async (t) => {
  const calls = nativeCalls();
  let removed = 0;
  const counting: NativeCalls = {
    ...calls,
    inotifyRemoveWatch(...parameters) {
      removed += 1;
      calls.inotifyRemoveWatch(...parameters);
    },
  };
  const { at, outside } = await setUpWatch(t, createWatcher(counting), (root) =>
    fs.mkdirSync(join(root, 'tree/sub/deeper'), { recursive: true }),
  );
  fs.renameSync(at('tree'), join(outside, 'tree'));
  await until(() => removed === 3);
});

for (const { times, overflows } of [
  { times: 2, overflows: 0 },
  { times: 9, overflows: 1 },
]) {
  test(
    `W3 W8 a folder not found at its place ${times} times is reported, with ${overflows} overflow`,
    linux,
    async (t) => {
      const calls = nativeCalls();
      let failures = times;
      const confused: NativeCalls = {
        ...calls,
        inotifyAddWatch(descriptor, path, mask) {
          const elusive = path.endsWith('/.') && fs.readlinkSync(path.slice(0, -2)).endsWith('/elusive');
          if (!elusive || failures === 0) return calls.inotifyAddWatch(descriptor, path, mask);
          failures -= 1;
          return 'ENOENT';
        },
      };
      const { at, seen, caughtUp } = await setUpWatch(t, createWatcher(confused));
      fs.mkdirSync(at('elusive/below'), { recursive: true });
      await caughtUp();
      await until(() => failures === 0);
      await caughtUp();
      assert.equal(seen.events.filter((event) => event.kind === 'overflow').length, overflows);
      seen.clear();
      fs.writeFileSync(at('elusive/below/file'), '');
      await caughtUp();
      assert.ok(seen.dirty().some((event) => event.path === 'elusive/below/file'));
    },
  );
}

test('W8 H76 lost events give one overflow, and folders made meanwhile are watched after it', linux, async (t) => {
  const watcher = createWatcher();
  const seen = createRecorder();
  const { root, outside } = await setUpWatch(t, watcher, (folder) => {
    fs.mkdirSync(join(folder, 'stays/below'), { recursive: true });
    fs.mkdirSync(join(folder, 'leaves'));
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
  fs.renameSync(at('leaves'), join(outside, 'left'));
  resume();
  assert.equal(await watch.caughtUp(), 'caught-up');
  assert.equal(seen.events.filter((event) => event.kind === 'overflow').length, 1);
  assert.equal(seen.events.at(-1)?.kind, 'overflow', 'what was found on the way comes before it');
  seen.clear();
  const paths = ['new/sub/file', 'stays/file', 'went/below/file'];
  for (const path of paths) fs.writeFileSync(at(path), '');
  fs.writeFileSync(join(outside, 'left/file'), '');
  assert.equal(await watch.caughtUp(), 'caught-up');
  assert.deepEqual(
    seen
      .dirty()
      .map((event) => event.path)
      .sort(),
    paths,
  );
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

test(
  'W9 H77 H103 caughtUp looks at the folders that have no watch; that all have one again is told',
  linux,
  async (t) => {
    const clock = manualClock();
    let limit = 3;
    const calls = limitedCalls(() => limit);
    const { at, seen, caughtUp } = await setUpWatch(t, createWatcher(calls, clock), (root) => {
      for (const name of ['a', 'b', 'c', 'd', 'e']) fs.mkdirSync(join(root, name, 'sub'), { recursive: true });
    });
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      seen.clear();
      fs.writeFileSync(at(`${name}/sub/file`), name);
      await caughtUp();
      assert.ok(seen.covers(`${name}/sub/file`), name);
    }
    limit = 100;
    await until(() => (clock.wake(), seen.events.some(({ kind }) => kind === 'unlimited')));
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
