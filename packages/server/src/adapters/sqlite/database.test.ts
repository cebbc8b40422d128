import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { statement, type ShardId } from '../../ports/database.ts';
import { databaseContract } from '../../ports/database.contract.ts';
import { MIGRATIONS } from '../../ports/migrations.ts';
import { sqliteQueryBuilder } from './compile.ts';
import { Connection } from './connection.ts';
import { openSqlite } from './database.ts';
import { GroupCommit } from './group-commit.ts';
import { SnapshotReads } from './snapshot-reads.ts';

/** A fresh folder that is removed at the end. */
function scratch(): { readonly folder: string } & Disposable {
  const folder = mkdtempSync(join(tmpdir(), 'satchel-sqlite-'));
  return { folder, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
}

databaseContract('sqlite', () => {
  const place = scratch();
  return {
    open: async () => openSqlite({ folder: place.folder }),
    openNewer: async () =>
      openSqlite({
        folder: place.folder,
        migrations: [
          ...MIGRATIONS,
          { number: MIGRATIONS.length + 1, name: 'later', statements: ['create table later (a {int}) {table}'] },
        ],
      }),
    openFaulty: async () =>
      openSqlite({
        folder: place.folder,
        migrations: [
          ...MIGRATIONS,
          {
            number: MIGRATIONS.length + 1,
            name: 'bad',
            statements: ['create table half (a {int}) {table}', 'no such thing'],
          },
        ],
      }),
    [Symbol.dispose]: () => place[Symbol.dispose](),
  };
});

test('sqlite: two servers cannot open one data folder, and a lock does not outlive its holder', async () => {
  using place = scratch();
  const first = openSqlite({ folder: place.folder });
  assert.throws(() => openSqlite({ folder: place.folder }), /in use by another server/);
  await first[Symbol.asyncDispose]();
  await using second = openSqlite({ folder: place.folder });
  assert.deepEqual(second.shards, [0]);
});

const planNames = statement<Record<never, never>>()((q) => q.selectFrom('plans').select('plan'));

test('sqlite: S2 everything that was acknowledged survives kill -9, and nobody else has to unlock the folder', async () => {
  using place = scratch();
  for (let round = 1; round <= 3; round++) {
    const folder = join(place.folder, `round${round}`);
    const script = join(import.meta.dirname, 'commit-until-killed.ts');
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', script, folder], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let told = '';
    child.stdout.on('data', (bytes: Buffer) => {
      told += bytes.toString();
      if (told.length > round * 2000) child.kill('SIGKILL');
    });
    await once(child, 'close');
    const acknowledged = told.split('\n').slice(0, -1);
    await using database = openSqlite({ folder });
    const rows = await database.read(0 as ShardId, async (reader) => reader.all(planNames, {}));
    const kept = new Set(rows.map((row) => row.plan));
    assert.ok(acknowledged.length > 100);
    assert.deepEqual(
      acknowledged.filter((plan) => !kept.has(plan)),
      [],
    );
  }
});

const addOrphan = statement<Record<never, never>>()((q) =>
  q.insertInto('plans').values({ plan: 'orphan', quota_bytes: 0, retention_days: 0 }),
);

/** Fails when it is committed, not before: the plan refers to nothing. */
const FAILS_AT_COMMIT = [
  'create table known (plan text primary key) strict',
  'create table orphans (plan text references known deferrable initially deferred) strict',
  "create trigger orphan after insert on plans when new.plan = 'orphan' begin insert into orphans values (new.plan); end",
];

test('sqlite: S2 D1 nobody hears of success when the commit itself fails, and the next one is done', async () => {
  using place = scratch();
  const migrations = [...MIGRATIONS, { number: MIGRATIONS.length + 1, name: 'fails', statements: FAILS_AT_COMMIT }];
  await using database = openSqlite({ folder: place.folder, migrations });
  const shard = 0 as ShardId;
  await assert.rejects(
    database.transact(shard, async (tx) => tx.run(addOrphan, {})),
    /FOREIGN KEY/,
  );
  assert.equal((await database.read(shard, async (reader) => reader.all(planNames, {}))).length, 1);
});

test('sqlite: S2 a commit waits for the disk, on each connection', () => {
  using place = scratch();
  const file = join(place.folder, 'a.sqlite');
  for (const readOnly of [false, true]) {
    const connection = new Connection({ file, builder: sqliteQueryBuilder(), readOnly });
    // 2 is FULL: SQLite's documentation of this pragma.
    assert.deepEqual({ ...(connection.prepare('pragma synchronous').get() as object) }, { synchronous: 2 });
    connection.close();
  }
});

test('sqlite: S2 D9 a batch is synced unless all of it is relaxed, and what is not waits for the next', async () => {
  using place = scratch();
  const connection = new Connection({
    file: join(place.folder, 'a.sqlite'),
    builder: sqliteQueryBuilder(),
    readOnly: false,
  });
  const commits = new GroupCommit(connection, { works: 256, ms: 1000 });
  const seen: string[] = [];
  const note = (name: string) => async (): Promise<void> => {
    const { synchronous } = { ...(connection.prepare('pragma synchronous').get() as { synchronous: number }) };
    seen.push(`${name} ${synchronous === 2 ? 'full' : synchronous}`);
  };
  await Promise.all([
    commits.submit(note('a'), 'relaxed'),
    commits.submit(note('b'), 'relaxed'),
    commits.submit(note('c'), 'full'),
    commits.submit(note('d'), 'relaxed'),
  ]);
  await commits.submit(note('e'), 'relaxed');
  await commits.submit(note('f'), 'full');
  assert.deepEqual(seen, ['a 1', 'b 1', 'c full', 'd full', 'e 1', 'f full']);
  connection.close();
});

test('sqlite: S11 reads go on when connections could not be opened for a while: nobody waits for those that never were', async () => {
  using place = scratch();
  const file = join(place.folder, 'a.sqlite');
  let shortage = true;
  const reads = new SnapshotReads(
    () => new Connection({ file: shortage ? place.folder : file, builder: sqliteQueryBuilder(), readOnly: true }),
    2,
  );
  const one = statement<Record<never, never>>()((q) => q.selectNoFrom((e) => e.lit(1).as('one')));
  const read = () => reads.read(async (reader) => (await reader.first(one, {}))?.one);
  for (let failed = 0; failed < 3; failed++) await assert.rejects(read(), { code: 'unavailable' });
  shortage = false;
  assert.deepEqual(await Promise.all([read(), read(), read()]), [1, 1, 1]);
  reads.close();
});

test('migrations: numbers are 1, 2, 3 … without gaps', () => {
  assert.deepEqual(
    MIGRATIONS.map((migration) => migration.number),
    MIGRATIONS.map((_, index) => index + 1),
  );
});
