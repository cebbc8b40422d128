import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { databaseContract } from '../../ports/database.contract.ts';
import { MIGRATIONS } from '../../ports/migrations.ts';
import { openSqlite } from './database.ts';

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

test('migrations: numbers are 1, 2, 3 … without gaps', () => {
  assert.deepEqual(
    MIGRATIONS.map((migration) => migration.number),
    MIGRATIONS.map((_, index) => index + 1),
  );
});
