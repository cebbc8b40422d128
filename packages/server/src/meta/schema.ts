import type { Kysely } from 'kysely';

/** Columns of the metadata database; the Meta Service owns this file. */
export interface Schema {}
export type QueryBuilder = Kysely<Schema>;
