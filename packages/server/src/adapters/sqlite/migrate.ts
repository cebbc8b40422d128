import { inDialect, type DialectWords, type Migration } from '../../ports/migrations.ts';

/** The connection as far as migrations need it. */
export interface MigrationTarget {
  exec(sql: string): void;
  prepare(sql: string): { get(): unknown };
  /** Ends the transaction without effect, if there still is one. */
  rollback(): void;
}

const WORDS: DialectWords = {
  int: 'integer',
  bytes: 'blob',
  table: 'strict',
  keyed: 'strict, without rowid',
  exact: '',
};

/**
 * Brings the database to the newest schema in one transaction. The number of the last step is kept in SQLite's
 * user_version, which is part of the transaction.
 * @throws Error when a newer program has migrated it (H95)
 */
export function migrate(target: MigrationTarget, migrations: readonly Migration[]): void {
  target.exec('begin immediate');
  try {
    const { user_version: present } = target.prepare('pragma user_version').get() as { user_version: number };
    const newest = migrations.at(-1)?.number ?? 0;
    if (present > newest) {
      throw new Error(
        `The database has schema ${present}, and this program knows up to ${newest}: a newer Satchel has used it. Run that one or a newer one.`,
      );
    }
    for (const migration of migrations) {
      if (migration.number <= present) continue;
      for (const statement of migration.statements) target.exec(inDialect(statement, WORDS));
    }
    if (present < newest) target.exec(`pragma user_version = ${newest}`);
    target.exec('commit');
  } catch (error) {
    target.rollback();
    throw error;
  }
}
