import { DummyDriver, Kysely, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from 'kysely';
import type { QueryBuilder, Statement } from '../../ports/database.ts';
import type { Schema } from '../../ports/schema.ts';

export interface Compiled {
  readonly sql: string;
  /** Names of the arguments in the order of the placeholders. */
  readonly parameters: readonly string[];
}

/** Kysely treats an instance of an unknown class as a value, and so hands it to the compiler. */
class Argument {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

/**
 * Writes constants of a query as literals. SQLite would prepare a statement anew for each value that is bound to a
 * LIMIT or could decide about a partial index: 2 µs instead of 0.3 for a look-up.
 */
class LiteralCompiler extends SqliteQueryCompiler {
  protected override appendValue(value: unknown): void {
    if (value instanceof Argument) super.appendValue(value);
    else this.appendImmediateValue(value);
  }
}

/** A query builder that compiles and never connects. */
export function sqliteQueryBuilder(): QueryBuilder {
  return new Kysely<Schema>({
    dialect: {
      createAdapter: () => new SqliteAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (db) => new SqliteIntrospector(db),
      createQueryCompiler: () => new LiteralCompiler(),
    },
  });
}

export function compileStatement<Args, Row>(q: QueryBuilder, statement: Statement<Args, Row>): Compiled {
  const compiled = statement
    .build(q, <K extends keyof Args>(name: K) => new Argument(String(name)) as unknown as Args[K])
    .compile();
  return { sql: compiled.sql, parameters: compiled.parameters.map((argument) => (argument as Argument).name) };
}
