import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { attributeOf, setAttribute, SOME_ACL } from './attributes.fixture.ts';
import type { NativeFiles } from './native-files.ts';

/** Rules N1–N8 on real directories. */
export function nativeFilesContract(name: string, create: () => NativeFiles): void {
  const setUp = (t: TestContext): { readonly files: NativeFiles; readonly root: string } => {
    const root = fs.mkdtempSync(join(tmpdir(), 'satchel-native-'));
    t.after(() => fs.rmSync(root, { recursive: true }));
    return { files: create(), root };
  };

  test(`${name}: N1 open goes down real folders and leads node:fs to their entries`, (t) => {
    const { files, root } = setUp(t);
    fs.mkdirSync(join(root, 'a/b'), { recursive: true });
    using top = files.openRoot(root);
    const folder = top.open('a/b');
    assert.ok(typeof folder === 'object');
    using _ = folder;
    fs.writeFileSync(folder.entryPath('new.txt'), 'content');
    assert.deepEqual(fs.readdirSync(folder.ownPath()), ['new.txt']);
    assert.equal(fs.readFileSync(join(root, 'a/b/new.txt'), 'utf8'), 'content');
  });

  test(`${name}: N1 H5 the stat of an entry is what lstat tells, in all its fields`, (t) => {
    const { files, root } = setUp(t);
    fs.writeFileSync(join(root, 'file'), 'content', { mode: 0o751 });
    fs.utimesSync(join(root, 'file'), 1, 1_700_000_000.123);
    fs.linkSync(join(root, 'file'), join(root, 'second'));
    fs.mkdirSync(join(root, 'ä folder'));
    fs.symlinkSync('absent', join(root, 'link'));
    for (const [index, seconds] of [0, 0.5, -1, -1.5, 2 ** 31, 2 ** 32 + 5].entries()) {
      fs.writeFileSync(join(root, `time-${index}`), '');
      fs.utimesSync(join(root, `time-${index}`), seconds, seconds);
    }
    using top = files.openRoot(root);
    for (const entry of fs.readdirSync(root)) {
      const path = join(root, entry);
      const { dev, ino, size, mtimeNs, ctimeNs, birthtimeNs, mode, nlink } = fs.lstatSync(path, { bigint: true });
      const { type, ...stat } = top.stat(entry)!;
      assert.equal(type, entry === 'link' ? 'symlink' : entry === 'ä folder' ? 'folder' : 'file');
      assert.deepEqual(stat, {
        dev: Number(dev),
        ino: Number(ino),
        size: type === 'file' ? Number(size) : 0,
        mtimeNs: String(mtimeNs),
        ctimeNs: String(ctimeNs),
        birthNs: String(birthtimeNs),
        mode: Number(mode) & 0o7777,
        links: Number(nlink),
      });
    }
    assert.equal(top.stat('absent'), undefined);
    assert.throws(() => top.stat('x'.repeat(300)), { code: 'ENAMETOOLONG' });
    assert.throws(() => top.stat('a/b'), RangeError);
  });

  test(`${name}: N1 H52 open refuses a symlink at any component, also one that stays inside`, (t) => {
    const { files, root } = setUp(t);
    fs.mkdirSync(join(root, 'real/below'), { recursive: true });
    fs.symlinkSync('real', join(root, 'link'));
    fs.symlinkSync(tmpdir(), join(root, 'real/outside'));
    fs.writeFileSync(join(root, 'file'), '');
    using top = files.openRoot(root);
    assert.equal(top.open('link'), 'not-a-directory');
    assert.equal(top.open('link/below'), 'not-a-directory');
    assert.equal(top.open('real/outside'), 'not-a-directory');
    assert.equal(top.open('file'), 'not-a-directory');
    assert.equal(top.open('real/absent/deeper'), 'missing');
  });

  test(`${name}: N1 a root that is itself a symlink is followed; an absent one throws`, (t) => {
    const { files, root } = setUp(t);
    fs.mkdirSync(join(root, 'drive/sub'), { recursive: true });
    fs.symlinkSync('drive', join(root, 'link'));
    using top = files.openRoot(join(root, 'link'));
    const folder = top.open('sub');
    assert.ok(typeof folder === 'object');
    folder[Symbol.dispose]();
    assert.throws(() => files.openRoot(join(root, 'absent')), { code: 'ENOENT' });
    fs.writeFileSync(join(root, 'file'), '');
    assert.throws(() => files.openRoot(join(root, 'file')), { code: 'ENOTDIR' });
  });

  test(`${name}: N2 H52 a pinned parent that is swapped for a symlink is not left through it`, (t) => {
    const { files, root } = setUp(t);
    if (!files.capabilities.pinned) return t.skip('this adapter checks paths, it does not hold them');
    fs.mkdirSync(join(root, 'drive/sub'), { recursive: true });
    fs.mkdirSync(join(root, 'victim'));
    using top = files.openRoot(join(root, 'drive'));
    const folder = top.open('sub');
    assert.ok(typeof folder === 'object');
    using _ = folder;
    fs.renameSync(join(root, 'drive/sub'), join(root, 'drive/moved'));
    fs.symlinkSync(join(root, 'victim'), join(root, 'drive/sub'));
    fs.writeFileSync(folder.entryPath('download'), 'x');
    assert.deepEqual(fs.readdirSync(join(root, 'victim')), []);
    assert.deepEqual(fs.readdirSync(join(root, 'drive/moved')), ['download']);
  });

  test(`${name}: N2 a disposed handle that is pinned gives out no path`, (t) => {
    const { files, root } = setUp(t);
    if (!files.capabilities.pinned) return t.skip('a path has no lifetime');
    const top = files.openRoot(root);
    top[Symbol.dispose]();
    top[Symbol.dispose]();
    assert.throws(() => top.entryPath('x'), /disposed/);
    assert.throws(() => top.ownPath(), /disposed/);
  });

  test(`${name}: N3 renameNoReplace moves files, folders and symlinks, content and identity kept`, async (t) => {
    const { files, root } = setUp(t);
    fs.writeFileSync(join(root, 'file'), 'content');
    fs.mkdirSync(join(root, 'folder'));
    fs.writeFileSync(join(root, 'folder/inner'), 'inner');
    fs.symlinkSync('nowhere', join(root, 'link'));
    const entries = ['file', 'folder', 'link'];
    const inodes = (prefix: string) => entries.map((entry) => fs.lstatSync(join(root, prefix + entry)).ino);
    const before = inodes('');
    for (const entry of entries) {
      assert.equal(await files.renameNoReplace(join(root, entry), join(root, `new-${entry}`)), 'renamed');
    }
    assert.deepEqual(fs.readdirSync(root).sort(), ['new-file', 'new-folder', 'new-link']);
    assert.deepEqual(inodes('new-'), before);
    assert.equal(fs.readFileSync(join(root, 'new-folder/inner'), 'utf8'), 'inner');
    assert.equal(fs.readlinkSync(join(root, 'new-link')), 'nowhere');
  });

  test(`${name}: N3 renameNoReplace finds a taken name, also an empty folder or a dangling symlink`, async (t) => {
    const { files, root } = setUp(t);
    const at = (entry: string): string => join(root, entry);
    fs.writeFileSync(at('file'), 'mine');
    fs.mkdirSync(at('folder'));
    fs.writeFileSync(at('taken-file'), 'theirs');
    fs.mkdirSync(at('taken-folder'));
    fs.symlinkSync('nowhere', at('taken-link'));
    for (const from of ['file', 'folder']) {
      for (const to of ['taken-file', 'taken-folder', 'taken-link']) {
        assert.equal(await files.renameNoReplace(at(from), at(to)), 'exists', `${from} onto ${to}`);
      }
    }
    assert.equal(fs.readFileSync(at('taken-file'), 'utf8'), 'theirs');
    assert.equal(fs.readFileSync(at('file'), 'utf8'), 'mine');
    assert.equal(await files.renameNoReplace(at('absent'), at('anywhere')), 'missing');
    assert.equal(fs.existsSync(at('anywhere')), false);
  });

  test(`${name}: N4 exchange swaps two entries of any kind, or says that it cannot`, (t) => {
    const { files, root } = setUp(t);
    const at = (entry: string): string => join(root, entry);
    fs.writeFileSync(at('a'), 'old');
    fs.writeFileSync(at('b'), 'new');
    fs.mkdirSync(at('folder'));
    if (!files.capabilities.exchange) {
      assert.equal(files.exchange(at('a'), at('b')), 'unsupported');
      assert.equal(fs.readFileSync(at('a'), 'utf8'), 'old');
      return;
    }
    assert.equal(files.exchange(at('a'), at('b')), 'exchanged');
    assert.equal(fs.readFileSync(at('a'), 'utf8'), 'new');
    assert.equal(fs.readFileSync(at('b'), 'utf8'), 'old');
    assert.equal(files.exchange(at('a'), at('folder')), 'exchanged');
    assert.equal(fs.readFileSync(at('folder'), 'utf8'), 'new');
    assert.equal(files.exchange(at('a'), at('absent')), 'missing');
  });

  test(`${name}: N4 H15 a writer that holds the exchanged file open goes on writing into the displaced one`, (t) => {
    const { files, root } = setUp(t);
    if (!files.capabilities.exchange) return t.skip('no exchange');
    using top = files.openRoot(root);
    fs.writeFileSync(join(root, 'target'), 'old');
    fs.writeFileSync(join(root, 'staged'), 'new');
    const writer = fs.openSync(join(root, 'target'), 'a');
    assert.equal(files.exchange(top.entryPath('staged'), top.entryPath('target')), 'exchanged');
    fs.writeSync(writer, ' and edited');
    fs.closeSync(writer);
    assert.equal(fs.readFileSync(join(root, 'target'), 'utf8'), 'new');
    assert.equal(fs.readFileSync(join(root, 'staged'), 'utf8'), 'old and edited');
  });

  test(`${name}: N5 a fault has the code and the paths that node:fs would give it`, async (t) => {
    const { files, root } = setUp(t);
    fs.writeFileSync(join(root, 'file'), '');
    const from = join(root, 'file/below');
    const to = join(root, 'to');
    await assert.rejects(files.renameNoReplace(from, to), { code: 'ENOTDIR' });
    fs.mkdirSync(join(root, 'folder'));
    await assert.rejects(files.renameNoReplace(join(root, 'folder'), join(root, 'folder/inside')), { code: 'EINVAL' });
    assert.deepEqual(fs.readdirSync(join(root, 'folder')), []);
  });

  test(`${name}: N6 syncFileSystem and sync return for a directory that exists, and fail for one that does not`, async (t) => {
    const { files, root } = setUp(t);
    fs.writeFileSync(join(root, 'file'), 'content');
    await files.syncFileSystem(root);
    if (process.platform === 'linux') await assert.rejects(files.syncFileSystem(join(root, 'absent')));
    using top = files.openRoot(root);
    await top.sync();
  });

  test(`${name}: N7 names of more than one component are refused`, (t) => {
    const { files, root } = setUp(t);
    using top = files.openRoot(root);
    for (const bad of ['', '.', '..', 'a/b', '/', 'a\0b']) {
      assert.throws(() => top.entryPath(bad), RangeError, bad);
    }
    for (const bad of ['../x', 'a//b', '/etc', 'a/../b', './a', 'a/'])
      assert.throws(() => top.open(bad), RangeError, bad);
  });

  test(`${name}: N8 H55 attributes and access control lists go along, rights of programs do not`, (t) => {
    const { files, root } = setUp(t);
    const [from, to] = [join(root, 'from'), join(root, 'to')];
    fs.writeFileSync(from, 'old');
    fs.writeFileSync(to, 'new');
    const hasAny = setAttribute(from, 'user.color', Buffer.from('blue'));
    const hasAcl = setAttribute(from, 'system.posix_acl_access', SOME_ACL);
    // cap_net_raw, effective; only root may set it.
    const rights = Buffer.from('0100000200200000000000000000000000000000', 'hex');
    const hasRights = setAttribute(from, 'security.capability', rights);
    files.copyAttributes(from, to);
    files.copyAttributes(join(root, 'absent'), to);
    files.copyAttributes(from, join(root, 'absent'));
    assert.equal(fs.readFileSync(to, 'utf8'), 'new');
    if (hasRights) assert.equal(attributeOf(to, 'security.capability'), undefined);
    if (!files.capabilities.pinned || !hasAny) return;
    assert.equal(attributeOf(to, 'user.color')?.toString(), 'blue');
    if (hasAcl)
      assert.deepEqual(attributeOf(to, 'system.posix_acl_access'), attributeOf(from, 'system.posix_acl_access'));
  });
}
