import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { CodedError } from '@satchel/protocol/errors.ts';
import type { Database, ShardId } from '../../ports/database.ts';
import { MIGRATIONS, type Migration } from '../../ports/migrations.ts';
import { sqliteQueryBuilder } from './compile.ts';
import { Connection } from './connection.ts';
import { databaseFault } from './faults.ts';
import { lockFolder } from './folder-lock.ts';
import { GroupCommit, type BatchLimits } from './group-commit.ts';
import { migrate } from './migrate.ts';
import { SnapshotReads } from './snapshot-reads.ts';

export interface SqliteOptions {
  /** Made when absent; locked against other servers while open. */
  readonly folder: string;
  readonly batch?: BatchLimits;
  readonly migrations?: readonly Migration[];
}

const BATCH: BatchLimits = { works: 256, ms: 20 };
/** Reads that wait for something else than the database are rare, so few connections are ever open. */
const READERS = 4;

/**
 * The embedded metadata database: one shard, one file, `satchel.sqlite` in the folder.
 * @throws Error when another server has the folder or a newer program has migrated the database
 */
export function openSqlite(options: SqliteOptions): Database {
  mkdirSync(options.folder, { recursive: true, mode: 0o700 });
  using opening = new DisposableStack();
  opening.use(lockFolder(options.folder));
  const file = join(options.folder, 'satchel.sqlite');
  const builder = sqliteQueryBuilder();
  const writer = openWriter(file, builder, options.migrations ?? MIGRATIONS);
  opening.defer(() => writer.close());
  const commits = new GroupCommit(writer, options.batch ?? BATCH);
  const reads = new SnapshotReads(() => new Connection({ file, builder, readOnly: true }), READERS);
  opening.defer(() => reads.close());
  const open = opening.move();
  const only = 0 as ShardId;
  let closing = false;
  const expectOpen = (shard: ShardId): void => {
    if (closing) throw new CodedError('unavailable', 'The metadata database is closed: the server is stopping.');
    if (shard !== only) throw new RangeError(`There is no shard ${shard}: the embedded database has one, 0.`);
  };
  return {
    shards: [only],
    transact: async (shard, work, durability = 'full') => {
      expectOpen(shard);
      return commits.submit(work, durability);
    },
    read: async (shard, work) => {
      expectOpen(shard);
      return reads.read(work);
    },
    [Symbol.asyncDispose]: async () => {
      closing = true;
      await commits.idle();
      open.dispose();
    },
  };
}

function openWriter(
  file: string,
  builder: ReturnType<typeof sqliteQueryBuilder>,
  migrations: readonly Migration[],
): Connection {
  try {
    const writer = new Connection({ file, builder, readOnly: false });
    try {
      migrate(writer, migrations);
      return writer;
    } catch (error) {
      writer.close();
      throw error;
    }
  } catch (error) {
    throw databaseFault(error);
  }
}
