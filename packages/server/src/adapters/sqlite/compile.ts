import { DummyDriver, Kysely, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from 'kysely';
import type { QueryBuilder, SqlValue, Statement } from '../../ports/database.ts';
import type { Schema } from '../../ports/schema.ts';

/** A parameter of a compiled query: the argument of this name, or a constant that stood in the query. */
type Parameter = { readonly name: string } | { readonly value: SqlValue };

export interface Compiled {
  readonly sql: string;
  readonly parameters: readonly Parameter[];
}

/** A query builder that compiles and never connects. */
export function sqliteQueryBuilder(): QueryBuilder {
  return new Kysely<Schema>({
    dialect: {
      createAdapter: () => new SqliteAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (db) => new SqliteIntrospector(db),
      createQueryCompiler: () => new SqliteQueryCompiler(),
    },
  });
}

/** Kysely treats an instance of an unknown class as a value, and so hands it back among the parameters. */
class Argument {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

export function compileStatement<Args, Row>(q: QueryBuilder, statement: Statement<Args, Row>): Compiled {
  const compiled = statement
    .build(q, <K extends keyof Args>(name: K) => new Argument(String(name)) as unknown as Args[K])
    .compile();
  const parameters = compiled.parameters.map((value): Parameter =>
    value instanceof Argument ? { name: value.name } : { value: value as SqlValue },
  );
  return { sql: compiled.sql, parameters };
}
