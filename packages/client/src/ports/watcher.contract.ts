import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { DirtyPath, Watch, Watcher, WatchEvent } from './watcher.ts';

export interface WatcherFixture {
  readonly watcher: Watcher;
  /** Reports single paths and `closed` exactly; else a path may be reported by its folder. */
  readonly precise: boolean;
}

export interface Recorder {
  readonly events: WatchEvent[];
  dirty(): readonly DirtyPath[];
  /** True when a listener that follows the events would look at `path`. */
  covers(path: string): boolean;
  clear(): void;
}

export function createRecorder(): Recorder & { readonly listener: (batch: readonly WatchEvent[]) => void } {
  const events: WatchEvent[] = [];
  const dirty = (): readonly DirtyPath[] => events.filter((event) => event.kind === 'dirty');
  return {
    events,
    dirty,
    covers(path) {
      const parent = path.includes('/') ? dirname(path) : '';
      return dirty().some(
        (event) => event.path === path || event.path === parent || (event.deep && path.startsWith(`${event.path}/`)),
      );
    },
    clear: () => void events.splice(0),
    listener: (batch) => void events.push(...batch),
  };
}

export interface WatchedFolder {
  readonly root: string;
  readonly outside: string;
  readonly at: (path: string) => string;
  readonly watch: Watch;
  readonly seen: Recorder;
  /** Forgets what has been seen so far, all of it delivered. */
  settle(): Promise<void>;
  caughtUp(): Promise<void>;
}

export async function setUpWatch(
  t: TestContext,
  watcher: Watcher,
  prepare: (root: string) => void = () => undefined,
): Promise<WatchedFolder> {
  const base = fs.mkdtempSync(join(tmpdir(), 'satchel-watch-'));
  const root = join(base, 'root');
  const outside = join(base, 'outside');
  fs.mkdirSync(root);
  fs.mkdirSync(outside);
  prepare(root);
  const seen = createRecorder();
  const watch = await watcher.watch(root, seen.listener);
  t.after(async () => {
    await watch[Symbol.asyncDispose]();
    fs.rmSync(base, { recursive: true, force: true });
  });
  const caughtUp = async (): Promise<void> => assert.equal(await watch.caughtUp(), 'caught-up');
  const settle = async (): Promise<void> => {
    await caughtUp();
    seen.clear();
  };
  return { root, outside, at: (path) => join(root, path), watch, seen, settle, caughtUp };
}

/** Rules W1–W7, W10, W11 on real directories; W8 and W9 need faults that only an adapter's own tests can make. */
export function watcherContract(name: string, create: () => WatcherFixture): void {
  test(`${name}: W1 create, edit, chmod, rename and removal of files at several depths`, async (t) => {
    const { watcher, precise } = create();
    const { at, seen, settle, caughtUp } = await setUpWatch(t, watcher, (root) => {
      fs.mkdirSync(join(root, 'a/b'), { recursive: true });
      fs.writeFileSync(join(root, 'a/b/old'), 'x');
    });
    for (const folder of ['', 'a/', 'a/b/']) {
      fs.writeFileSync(at(`${folder}file`), 'content');
      await caughtUp();
      assert.ok(seen.covers(`${folder}file`), `created in ${folder}`);
      seen.clear();
      fs.appendFileSync(at(`${folder}file`), ' more');
      await caughtUp();
      assert.ok(seen.covers(`${folder}file`), `edited in ${folder}`);
      seen.clear();
      fs.chmodSync(at(`${folder}file`), 0o755);
      await caughtUp();
      assert.ok(seen.covers(`${folder}file`), `mode changed in ${folder}`);
      seen.clear();
      fs.renameSync(at(`${folder}file`), at(`${folder}renamed`));
      await caughtUp();
      assert.ok(seen.covers(`${folder}file`) && seen.covers(`${folder}renamed`), `renamed in ${folder}`);
      seen.clear();
      fs.rmSync(at(`${folder}renamed`));
      await caughtUp();
      assert.ok(seen.covers(`${folder}renamed`), `removed in ${folder}`);
      if (precise) assert.ok(seen.dirty().every((event) => event.path === `${folder}renamed`));
      await settle();
    }
  });

  test(`${name}: W1 nothing in the private folder is reported, nor that folder itself`, async (t) => {
    const { at, seen, caughtUp } = await setUpWatch(t, create().watcher);
    fs.mkdirSync(at('.satchel/staging'), { recursive: true });
    fs.writeFileSync(at('.satchel/staging/chunk'), 'x');
    await caughtUp();
    fs.chmodSync(at('.satchel'), 0o700);
    fs.writeFileSync(at('.satchel/staging/second'), 'x');
    await caughtUp();
    assert.deepEqual(seen.events, []);
    fs.mkdirSync(at('sub/.satchel'), { recursive: true });
    fs.writeFileSync(at('sub/.satchel/user-file'), 'x');
    await caughtUp();
    assert.ok(seen.covers('sub/.satchel/user-file'), 'only the one at the root is private');
  });

  test(`${name}: W1 names with spaces, line ends, umlauts in NFD, emoji and 255 bytes come through`, async (t) => {
    const { at, seen, caughtUp } = await setUpWatch(t, create().watcher);
    const names = ['a b', 'line\nend', 'u\u0308ber', '📁', 'x'.repeat(255), '\uFFFD', '-rf'];
    for (const each of names) fs.writeFileSync(at(each), '');
    await caughtUp();
    for (const each of names) assert.ok(seen.covers(each), JSON.stringify(each));
  });

  test(`${name}: W3 H78 folders made 50 deep with files at once are reported to the last file, and watched`, async (t) => {
    const { at, seen, settle, caughtUp } = await setUpWatch(t, create().watcher);
    const deep = Array.from({ length: 50 }, (_, level) => `level-${level}`);
    fs.mkdirSync(at(deep.join('/')), { recursive: true });
    const paths = deep.map((_, level) => `${deep.slice(0, level + 1).join('/')}/file`);
    for (const path of paths) fs.writeFileSync(at(path), 'x');
    await caughtUp();
    for (const path of paths) assert.ok(seen.covers(path), path);
    await settle();
    const last = paths.at(-1) ?? '';
    fs.appendFileSync(at(last), 'more');
    await caughtUp();
    assert.ok(seen.covers(last));
  });

  test(`${name}: W3 H78 a full tree moved in is reported entry by entry, and watched`, async (t) => {
    const { at, outside, seen, settle, caughtUp } = await setUpWatch(t, create().watcher);
    const paths: string[] = [];
    for (let folder = 0; folder < 30; folder += 1) {
      fs.mkdirSync(join(outside, `tree/f${folder}/sub`), { recursive: true });
      for (const path of [`tree/f${folder}/x`, `tree/f${folder}/sub/y`]) {
        fs.writeFileSync(join(outside, path), 'x');
        paths.push(path);
      }
    }
    fs.renameSync(join(outside, 'tree'), at('tree'));
    await caughtUp();
    for (const path of paths) assert.ok(seen.covers(path), path);
    await settle();
    fs.writeFileSync(at('tree/f29/sub/z'), '');
    await caughtUp();
    assert.ok(seen.covers('tree/f29/sub/z'));
  });

  test(`${name}: W4 a folder that moves: both names, then changes below under the new path`, async (t) => {
    const { at, seen, settle, caughtUp } = await setUpWatch(t, create().watcher, (root) => {
      fs.mkdirSync(join(root, 'from/tree/sub/deeper'), { recursive: true });
      fs.mkdirSync(join(root, 'to'));
      fs.writeFileSync(join(root, 'from/tree/sub/file'), 'x');
    });
    fs.appendFileSync(at('from/tree/sub/file'), 'just before');
    fs.renameSync(at('from/tree'), at('to/moved'));
    await caughtUp();
    assert.ok(seen.covers('from/tree'), 'old name');
    assert.ok(seen.covers('to/moved'), 'new name');
    assert.ok(seen.covers('to/moved/sub/file'), 'what was written just before, under its new path');
    await settle();
    fs.writeFileSync(at('to/moved/sub/deeper/new'), '');
    await caughtUp();
    assert.ok(seen.covers('to/moved/sub/deeper/new'));
    assert.ok(!seen.dirty().some((event) => event.path.startsWith('from')), 'nothing under the old path');
  });

  test(`${name}: W4 two folders that swap names by three renames keep their own contents`, async (t) => {
    const { at, seen, settle, caughtUp } = await setUpWatch(t, create().watcher, (root) => {
      fs.mkdirSync(join(root, 'a/in-a'), { recursive: true });
      fs.mkdirSync(join(root, 'b/in-b'), { recursive: true });
    });
    fs.renameSync(at('a'), at('temporary'));
    fs.renameSync(at('b'), at('a'));
    fs.renameSync(at('temporary'), at('b'));
    await settle();
    fs.writeFileSync(at('b/in-a/file'), '');
    fs.writeFileSync(at('a/in-b/file'), '');
    await caughtUp();
    assert.ok(seen.covers('b/in-a/file') && seen.covers('a/in-b/file'));
    assert.ok(!seen.covers('a/in-a/file') && !seen.covers('b/in-b/file'));
  });

  test(`${name}: W5 a folder that has left the root is reported once and no more`, async (t) => {
    const { at, outside, seen, settle, caughtUp } = await setUpWatch(t, create().watcher, (root) =>
      fs.mkdirSync(join(root, 'tree/sub'), { recursive: true }),
    );
    fs.renameSync(at('tree'), join(outside, 'tree'));
    await caughtUp();
    assert.ok(seen.covers('tree'));
    await settle();
    fs.writeFileSync(join(outside, 'tree/sub/file'), '');
    await caughtUp();
    assert.deepEqual(seen.events, []);
  });

  test(`${name}: W5 a folder removed and made again is watched again`, async (t) => {
    const { at, seen, settle, caughtUp } = await setUpWatch(t, create().watcher, (root) =>
      fs.mkdirSync(join(root, 'tree/sub'), { recursive: true }),
    );
    for (let round = 0; round < 20; round += 1) {
      fs.rmSync(at('tree'), { recursive: true });
      fs.mkdirSync(at('tree/sub'), { recursive: true });
      fs.writeFileSync(at('tree/sub/early'), '');
      await caughtUp();
      assert.ok(seen.covers('tree/sub/early'), `round ${round}`);
      await settle();
      fs.writeFileSync(at('tree/sub/late'), '');
      await caughtUp();
      assert.ok(seen.covers('tree/sub/late'), `round ${round}`);
    }
  });

  test(`${name}: W6 a symlink to a folder is an entry; what happens behind it is not reported`, async (t) => {
    const { at, outside, seen, settle, caughtUp } = await setUpWatch(t, create().watcher);
    fs.symlinkSync(outside, at('link'));
    fs.symlinkSync('.', at('cycle'));
    await caughtUp();
    assert.ok(seen.covers('link') && seen.covers('cycle'));
    await settle();
    fs.writeFileSync(join(outside, 'secret'), '');
    await caughtUp();
    assert.deepEqual(seen.events, []);
  });

  test(`${name}: W7 caughtUp after 1,000 operations has reported every one`, async (t) => {
    const { at, seen, caughtUp } = await setUpWatch(t, create().watcher);
    const paths: string[] = [];
    for (let index = 0; index < 250; index += 1) {
      fs.mkdirSync(at(`folder-${index}`));
      fs.writeFileSync(at(`folder-${index}/file`), 'x');
      fs.renameSync(at(`folder-${index}`), at(`moved-${index}`));
      fs.writeFileSync(at(`moved-${index}/second`), 'x');
      paths.push(`moved-${index}/file`, `moved-${index}/second`);
    }
    await caughtUp();
    for (const path of paths) assert.ok(seen.covers(path), path);
  });

  test(`${name}: W10 a removed root ends the watch with one 'gone'; made anew it is not taken for the old one`, async (t) => {
    const { root, watch, seen } = await setUpWatch(t, create().watcher);
    fs.rmdirSync(root);
    fs.mkdirSync(root);
    assert.equal(await watch.caughtUp(), 'ended');
    assert.deepEqual(
      seen.events.filter((event) => event.kind !== 'dirty'),
      [{ kind: 'gone' }],
    );
    fs.writeFileSync(join(root, 'file'), '');
    seen.clear();
    assert.equal(await watch.caughtUp(), 'ended');
    assert.deepEqual(seen.events, []);
  });

  test(`${name}: W10 a root that is moved away ends the watch with 'gone'`, async (t) => {
    const { root, outside, watch, seen } = await setUpWatch(t, create().watcher);
    fs.renameSync(root, join(outside, 'elsewhere'));
    assert.equal(await watch.caughtUp(), 'ended');
    assert.deepEqual(seen.events.at(-1), { kind: 'gone' });
  });

  test(`${name}: W10 a folder above the root that is moved away ends the watch with 'gone'`, async (t) => {
    const base = fs.mkdtempSync(join(tmpdir(), 'satchel-watch-'));
    t.after(() => fs.rmSync(base, { recursive: true }));
    fs.mkdirSync(join(base, 'above/root'), { recursive: true });
    const seen = createRecorder();
    await using watch = await create().watcher.watch(join(base, 'above/root'), seen.listener);
    fs.renameSync(join(base, 'above'), join(base, 'moved'));
    assert.equal(await watch.caughtUp(), 'ended');
    assert.deepEqual(seen.events.at(-1), { kind: 'gone' });
  });

  test(`${name}: W10 watch throws for an absent root and for a symlink`, async (t) => {
    const { watcher } = create();
    const { root, outside } = await setUpWatch(t, watcher);
    await assert.rejects(
      watcher.watch(join(root, 'absent'), () => undefined),
      { code: 'ENOENT' },
    );
    fs.symlinkSync(outside, join(root, 'link'));
    await assert.rejects(
      watcher.watch(join(root, 'link'), () => undefined),
      { code: 'ENOTDIR' },
    );
  });

  test(`${name}: W11 after disposal nothing is reported, also when it comes in the middle of work`, async (t) => {
    const { at, watch, seen } = await setUpWatch(t, create().watcher);
    fs.mkdirSync(at('a/b/c/d'), { recursive: true });
    const catching = watch.caughtUp();
    await watch[Symbol.asyncDispose]();
    seen.clear();
    fs.writeFileSync(at('file'), '');
    await catching;
    assert.equal(await watch.caughtUp(), 'ended');
    await watch[Symbol.asyncDispose]();
    assert.deepEqual(seen.events, []);
  });
}
