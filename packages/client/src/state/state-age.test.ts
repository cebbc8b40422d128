import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { createStateStampFile } from '../adapters/state-stamp-file.ts';
import type { StateStamps } from '../ports/state-stamps.ts';
import { ClientDatabase } from './database.ts';
import { isOlderCopy, renewStamp } from './state-age.ts';

function setUp(t: TestContext): { readonly folder: string; readonly stamps: StateStamps } {
  const folder = mkdtempSync(join(tmpdir(), 'satchel-age-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return { folder, stamps: createStateStampFile(join(folder, 'root')) };
}

/** A database that knows a workspace, at a path without `-wal` when it is closed. */
function used(path: string): ClientDatabase {
  const db = new ClientDatabase(path);
  db.run(
    "INSERT OR REPLACE INTO workspace (workspace_id, root_id, mount_id, role, epoch, digest) VALUES ('w', 'r', 'm', 'owner', 'e', 'd')",
  );
  return db;
}

test('H86 a database that was put back from before is told from the present one, and a new one is neither', (t) => {
  const { folder, stamps } = setUp(t);
  const path = join(folder, 'client.db');
  {
    using db = used(path);
    assert.equal(isOlderCopy(db, stamps), false, 'nothing was stamped yet');
    renewStamp(db, stamps, 'one');
  }
  cpSync(path, join(folder, 'copy'));
  {
    using db = new ClientDatabase(path);
    assert.equal(isOlderCopy(db, stamps), false);
    renewStamp(db, stamps, 'two');
    assert.equal(isOlderCopy(db, stamps), false);
  }
  using copy = new ClientDatabase(join(folder, 'copy'));
  assert.equal(isOlderCopy(copy, stamps), true);
  using unstamped = used(join(folder, 'unstamped'));
  assert.equal(isOlderCopy(unstamped, stamps), true, 'from before there were stamps');
  using blank = new ClientDatabase(join(folder, 'blank'));
  assert.equal(isOlderCopy(blank, stamps), false);
});

test('H86 a renewal that is cut off anywhere leaves the database the present one', (t) => {
  const { folder, stamps } = setUp(t);
  using db = used(join(folder, 'client.db'));
  renewStamp(db, stamps, 'one');
  for (let writes = 0; writes < 2; writes++) {
    let left = writes;
    const failing: StateStamps = {
      read: stamps.read,
      write: (list) => {
        if (left-- === 0) throw new Error('planted');
        stamps.write(list);
      },
    };
    assert.throws(() => renewStamp(db, failing, `cut ${writes}`), /planted/);
    assert.equal(isOlderCopy(db, stamps), false);
  }
});
