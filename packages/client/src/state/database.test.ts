import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ClientDatabase, ClientDatabaseError } from './database.ts';

/** A database with something in it, closed again. */
function stored(): Disposable & { readonly path: string } {
  const folder = mkdtempSync(join(tmpdir(), 'satchel-database-'));
  const path = join(folder, 'client.db');
  using db = new ClientDatabase(path);
  for (let at = 0; at < 1000; at++) db.run('INSERT INTO setting (key, value) VALUES (?, ?)', `key ${at}`, 'value');
  return { path, [Symbol.dispose]: () => rmSync(folder, { recursive: true }) };
}

function faultOf(path: string): string | undefined {
  try {
    new ClientDatabase(path)[Symbol.dispose]();
    return undefined;
  } catch (error) {
    if (error instanceof ClientDatabaseError) return error.fault;
    throw error;
  }
}

test('H85 a database that was cut or overwritten is damaged', () => {
  using db = stored();
  const bytes = readFileSync(db.path);
  writeFileSync(db.path, bytes.subarray(0, bytes.length / 2));
  assert.equal(faultOf(db.path), 'corrupt');
  writeFileSync(db.path, 'something else'.repeat(1000));
  assert.equal(faultOf(db.path), 'corrupt');
});

test('C7 H60 a database that cannot be opened at this moment is not damaged: what it knows is not given up', () => {
  using db = stored();
  // As where descriptors are few: its log cannot be opened.
  mkdirSync(`${db.path}-wal`);
  assert.equal(faultOf(db.path), 'unavailable');
  rmSync(`${db.path}-wal`, { recursive: true });
  assert.equal(faultOf(db.path), undefined);
});
