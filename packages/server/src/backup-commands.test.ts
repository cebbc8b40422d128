import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFile, copyFile, mkdir, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { backedUp, large, small, type BackedUp, type RunningServer } from './backup-commands.fixture.ts';
import { runBackupCommand } from './backup-commands.ts';

type Data = Readonly<Record<string, unknown>>;
const dataOf = (answer: { readonly data: unknown }): Data => answer.data as Data;

/** Files below a folder, by path. */
async function filesIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

async function snapshotFolder(world: BackedUp): Promise<string> {
  const { snapshots } = dataOf(await world.run('backup', world.backup, '--list'));
  const [newest] = snapshots as { snapshot: string }[];
  return join(world.backup, 'snapshots', newest?.snapshot ?? '');
}

/** A server that has stored something and was stopped, and one verified backup of it. */
async function oneBackup(world: BackedUp): Promise<ReadonlyMap<string, Buffer>> {
  await using server = await world.start();
  await server.put('small', small());
  await server.put('large', large());
  assert.equal((await world.run('backup', world.backup)).exit, 0);
  return server.contents();
}

test('a backup of a running server is verified, restores to the same contents, and its cursors have expired (S10)', async (t) => {
  const world = await backedUp(t);
  const contents = await oneBackup(world);
  execFileSync('sha256sum', ['--quiet', '-c', join(await snapshotFolder(world), 'objects.sha256')], {
    cwd: world.backup,
  });
  const other = world.configFor('restored');
  const restored = await world.runOn(other, 'restore', world.backup);
  assert.equal(restored.exit, 0, restored.text);
  await using before = await world.start();
  await using after = await world.start(other);
  assert.deepEqual(await after.contents(), contents);
  assert.notEqual(await after.epoch(), await before.epoch());
});

test('a second backup copies only what is new, and each snapshot restores to its own moment', async (t) => {
  const world = await backedUp(t);
  const first = await oneBackup(world);
  await using server = await world.start();
  await server.put('later', large());
  const again = dataOf(await world.run('backup', world.backup));
  assert.deepEqual([again['copiedObjects'], again['objects']], [1, 4], 'of a data key, a pack and two chunks');
  assert.equal(dataOf(await world.run('backup', world.backup))['copiedObjects'], 0);
  const { snapshots } = dataOf(await world.run('backup', world.backup, '--list'));
  const names = (snapshots as { snapshot: string }[]).map((each) => each.snapshot);
  assert.equal(names.length, 3);
  const older = world.configFor('older');
  assert.equal((await world.runOn(older, 'restore', world.backup, '--snapshot', names[2] ?? '')).exit, 0);
  await using restored = await world.start(older);
  assert.deepEqual(await restored.contents(), first);
});

/** The hold ends with the connection of the backup, of which the server hears at once, and not in the same moment. */
async function untilReleased({ composition }: RunningServer): Promise<void> {
  while ((await composition.administer(['gc'])).exit !== 0) await new Promise(setImmediate);
}

test('S5 while files come and unused ones are collected, every chunk that the copied metadata names is in the backup', async (t) => {
  const world = await backedUp(t);
  await using server = await world.start();
  const state = { ended: false };
  const writing = (async () => {
    for (let number = 0; !state.ended; number++) await server.put(`f${number}`, number % 5 === 0 ? large() : small());
  })();
  const outcomes = new Set<number>();
  const collecting = (async () => {
    for (; !state.ended; await new Promise(setImmediate))
      outcomes.add((await server.composition.administer(['gc'])).exit);
  })();
  const exits: number[] = [];
  for (let round = 0; round < 3; round++) exits.push((await world.run('backup', world.backup)).exit);
  state.ended = true;
  await Promise.all([writing, collecting]);
  assert.deepEqual(exits, [0, 0, 0]);
  assert.deepEqual(outcomes, new Set([0, 8]), 'collection ran between the backups and was held off during them');
  await untilReleased(server);
  const other = world.configFor('restored');
  assert.equal((await world.runOn(other, 'restore', world.backup)).exit, 0);
  await using restored = await world.start(other);
  const all = await server.contents();
  for (const [name, content] of await restored.contents()) assert.ok(all.get(name)?.equals(content), name);
});

test('S5 deletions are held, and a server that does not run stays so, until the backup has ended', async (t) => {
  const world = await backedUp(t);
  const during: Promise<unknown>[] = [];
  const backUpAnd = async (tell: () => Promise<unknown>): Promise<readonly unknown[]> => {
    const answer = await runBackupCommand(world.config, ['backup', world.backup], () => void during.push(tell()));
    assert.equal(answer.exit, 0, answer.text);
    return Promise.all(during.splice(0));
  };
  {
    await using server = await world.start();
    await server.put('large', large());
    const gc = async (): Promise<number> => (await server.composition.administer(['gc'])).exit;
    const exits = await backUpAnd(gc);
    assert.ok(exits.length >= 3, 'asked after each step');
    assert.deepEqual(new Set(exits), new Set([8]));
    await untilReleased(server);
  }
  const start = async (): Promise<string> => {
    try {
      await using _ = await world.start();
      return 'started';
    } catch (error) {
      return (error as Error).message;
    }
  };
  for (const message of await backUpAnd(start)) assert.match(String(message), /in use by another server/);
  assert.equal(await start(), 'started');
});

test('what the server has lost before there was a backup is named, and no reason to begin anew', async (t) => {
  const world = await backedUp(t);
  await using server = await world.start();
  await server.put('large', large());
  for (const path of await filesIn(join(world.config.data, 'blocks', 'objects', 'chunks'))) await rm(path);
  const answer = await world.run('backup', world.backup);
  assert.equal(answer.exit, 9, answer.text);
  assert.match(answer.text, /object_missing/);
});

test('H93 what rots in the backup is found by the next one and copied again', async (t) => {
  const world = await backedUp(t);
  const contents = await oneBackup(world);
  const [victim = '', other = ''] = (await filesIn(join(world.backup, 'blocks', 'objects'))).filter(
    (path) => !path.includes('/keys/'),
  );
  const bytes = await readFile(victim);
  bytes[40] = (bytes[40] ?? 0) ^ 1;
  await writeFile(victim, bytes);
  await rm(other);
  const answer = await world.run('backup', world.backup);
  assert.equal(answer.exit, 0, answer.text);
  assert.match(answer.said.join('\n'), /1 objects of the backup were damaged/);
  const at = world.configFor('restored');
  assert.equal((await world.runOn(at, 'restore', world.backup)).exit, 0);
  await using restored = await world.start(at);
  assert.deepEqual(await restored.contents(), contents);
});

const flipped = async (path: string): Promise<void> => {
  const bytes = await readFile(path);
  bytes[40] = (bytes[40] ?? 0) ^ 1;
  await writeFile(path, bytes);
};
const LOSSES = [
  ['is damaged on', flipped, 0],
  ['is cut off on', (path: string) => truncate(path, 100), 9],
  ['has gone from', (path: string) => rm(path), 9],
] as const;

for (const [what, lose, exit] of LOSSES)
  for (const isKnown of [true, false])
    test(`H93 what ${what} the server, ${isKnown ? 'and known to be' : 'though not known'}, is whole in its backups, old and new`, async (t) => {
      const world = await backedUp(t);
      const contents = await oneBackup(world);
      const [object = ''] = await filesIn(join(world.config.data, 'blocks', 'objects', 'chunks'));
      await lose(object);
      {
        await using server = await world.start();
        if (isKnown) await server.composition.administer(['scrub']);
        const answer = await world.run('backup', world.backup, '--keep', '1');
        assert.equal(answer.exit, exit, answer.text);
        if (exit !== 0) assert.match(answer.text, /object_missing: .*this backup still has it/);
      }
      const at = world.configFor('restored');
      const restored = await world.runOn(at, 'restore', world.backup);
      assert.equal(restored.exit, 0, restored.text);
      await using server = await world.start(at);
      assert.deepEqual(await server.contents(), contents);
    });

test('what is wrong with the server itself does not stop the backup, and is named', async (t) => {
  const world = await backedUp(t);
  await using server = await world.start();
  await server.put('small', small());
  await server.put('large', large());
  for (const path of await filesIn(join(world.config.data, 'blocks', 'objects', 'chunks'))) await truncate(path, 100);
  const answer = await world.run('backup', world.backup);
  assert.equal(answer.exit, 9);
  assert.match(answer.text, /object_short: .* — .*uploads/);
  const restored = await world.runOn(world.configFor('restored'), 'restore', world.backup);
  assert.equal(restored.exit, 9);
  assert.match(restored.text, /object_short/);
});

test('an unverified backup does not count: it is not restored unasked, and no old one goes for it', async (t) => {
  const world = await backedUp(t);
  await using server = await world.start();
  await server.put('a', large());
  const unverified = await world.run('backup', world.backup, '--no-verify');
  assert.match(unverified.text, /unverified/);
  const refused = await world.runOn(world.configFor('x'), 'restore', world.backup);
  assert.deepEqual([refused.exit, dataOf(refused)['error']], [4, 'backup_missing']);
  const name = String(dataOf(unverified)['snapshot']);
  assert.equal((await world.runOn(world.configFor('y'), 'restore', world.backup, '--snapshot', name)).exit, 0);
});

test('old snapshots go, and with them the objects that nothing else needs', async (t) => {
  const world = await backedUp(t);
  const contents = await oneBackup(world);
  await using server = await world.start();
  // What the newest snapshots do not name: an object of a snapshot that was cut off.
  const orphan = join(world.backup, 'blocks', 'objects', 'packs', '00', 'ab');
  await mkdir(join(orphan, '..'), { recursive: true });
  await writeFile(orphan, 'x');
  const cut = join(world.backup, 'snapshots', '2026-01-01T00-00-00.000Z.unfinished');
  await mkdir(cut);
  const list = await readFile(join(await snapshotFolder(world), 'objects.sha256'), 'utf8');
  const line = `${'0'.repeat(64)}  blocks/objects/packs/00/ab\n`;
  await writeFile(
    join(cut, 'objects.sha256'),
    `${list.split('\n').slice(0, 2).join('\n')}\n${line}${line.slice(0, 30)}`,
  );
  for (let round = 0; round < 2; round++)
    assert.equal((await world.run('backup', world.backup, '--keep', '2')).exit, 0);
  const { snapshots } = dataOf(await world.run('backup', world.backup, '--list'));
  assert.equal((snapshots as unknown[]).length, 2);
  await assert.rejects(stat(orphan), { code: 'ENOENT' });
  const at = world.configFor('restored');
  assert.equal((await world.runOn(at, 'restore', world.backup)).exit, 0);
  await using restored = await world.start(at);
  assert.deepEqual(await restored.contents(), contents);
  assert.deepEqual(await server.contents(), contents);
});

test('the key stays apart unless asked for, and a restore without it or with another one is refused', async (t) => {
  const world = await backedUp(t);
  await oneBackup(world);
  assert.ok(!(await readdir(world.backup)).includes('master.key'));
  const missing = await world.runOn(world.configFor('r', 'nowhere.key'), 'restore', world.backup);
  assert.deepEqual([missing.exit, dataOf(missing)['error']], [4, 'key_missing']);
  await using _ = await world.start(world.configFor('strange', 'strange.key'));
  const wrong = await world.runOn(world.configFor('r', 'strange.key'), 'restore', world.backup);
  assert.deepEqual([wrong.exit, dataOf(wrong)['error']], [1, 'key_wrong']);
  await assert.rejects(stat(join(world.folder, 'r')), { code: 'ENOENT' }, 'nothing was begun');
  assert.equal((await world.run('backup', world.backup, '--with-key')).exit, 0);
  assert.equal((await stat(join(world.backup, 'master.key'))).mode & 0o077, 0);
  assert.equal((await world.runOn(world.configFor('r', 'nowhere.key'), 'restore', world.backup)).exit, 0);
});

test('folders that are not what they should be are refused with a code', async (t) => {
  const world = await backedUp(t);
  const refusal = async (config: BackedUp['config'], ...args: string[]): Promise<unknown> =>
    dataOf(await world.runOn(config, ...args))['error'];
  assert.equal(await refusal(world.config, 'backup', world.backup), 'data_missing');
  await oneBackup(world);
  assert.equal(await refusal(world.config, 'backup', world.folder), 'backup_foreign');
  assert.equal(await refusal(world.config, 'restore', world.folder), 'backup_foreign');
  assert.equal(await refusal(world.config, 'restore', world.backup), 'data_not_empty');
  assert.equal(await refusal(world.config, 'backup', world.config['key-file']), 'folder_unusable');
  const other = world.configFor('other', 'other.key');
  await (await world.start(other))[Symbol.asyncDispose]();
  assert.equal(await refusal(other, 'backup', world.backup), 'backup_of_another');
  await assert.rejects(world.run('backup'), /usage/);
  await assert.rejects(world.run('backup', world.backup, '--often'), /--often/);
  await writeFile(join(world.backup, 'satchel-backup.json'), '{"satchelBackup":2}');
  assert.equal(await refusal(world.config, 'backup', world.backup), 'backup_newer');
});

const DAMAGES: readonly (readonly [what: string, damage: (snapshot: string, world: BackedUp) => Promise<unknown>])[] = [
  ['manifest', (snapshot) => truncate(join(snapshot, 'manifest.json'), 50)],
  ['list of objects', (snapshot) => truncate(join(snapshot, 'objects.sha256'), 100)],
  ['metadata', (snapshot) => appendFile(join(snapshot, 'satchel.sqlite'), 'x')],
  [
    'storage object',
    async (_snapshot, world) => {
      for (const path of await filesIn(join(world.backup, 'blocks', 'objects', 'chunks'))) await truncate(path, 100);
    },
  ],
];

for (const [what, damage] of DAMAGES)
  test(`a backup with a damaged ${what} is not restored`, async (t) => {
    const world = await backedUp(t);
    await oneBackup(world);
    await damage(await snapshotFolder(world), world);
    const answer = await world.runOn(world.configFor('r'), 'restore', world.backup);
    assert.deepEqual([answer.exit, dataOf(answer)['error']], [1, 'backup_damaged'], answer.text);
    const begun = await stat(join(world.folder, 'r')).catch(() => undefined);
    assert.equal(begun !== undefined, what === 'storage object', 'what can be seen before is seen before');
  });

test('a restore that was cut off goes on when it is run again, and no server starts before', async (t) => {
  const world = await backedUp(t);
  const contents = await oneBackup(world);
  const [object = ''] = await filesIn(join(world.backup, 'blocks', 'objects', 'chunks'));
  await copyFile(object, join(world.folder, 'aside'));
  await rm(object);
  const at = world.configFor('restored');
  assert.equal((await world.runOn(at, 'restore', world.backup)).exit, 1);
  await assert.rejects(world.start(at), /restore that was cut off/);
  await copyFile(join(world.folder, 'aside'), object);
  assert.equal((await world.runOn(at, 'restore', world.backup)).exit, 0);
  await using restored = await world.start(at);
  assert.deepEqual(await restored.contents(), contents);
});

test('H95 a backup by a newer program is refused, and two commands do not use one folder', async (t) => {
  const world = await backedUp(t);
  await oneBackup(world);
  const server = await world.start();
  const both = await Promise.all([world.run('backup', world.backup), world.run('backup', world.backup)]);
  assert.deepEqual(both.map(({ exit }) => exit).sort(), [0, 8]);
  await server[Symbol.asyncDispose]();
  const alone = await Promise.all([world.run('backup', world.backup), world.run('backup', world.backup)]);
  assert.deepEqual(alone.map(({ exit }) => exit).sort(), [0, 8]);
  const path = join(await snapshotFolder(world), 'manifest.json');
  const manifest = JSON.parse(await readFile(path, 'utf8')) as object;
  await writeFile(path, JSON.stringify({ ...manifest, schemaVersion: 999, productVersion: '9.9.9' }));
  const answer = await world.runOn(world.configFor('r'), 'restore', world.backup);
  assert.deepEqual([answer.exit, dataOf(answer)['error']], [1, 'backup_newer']);
  assert.match(answer.text, /9\.9\.9/);
});
