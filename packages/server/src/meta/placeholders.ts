import type { Placeholder } from '../ports/database.ts';

/** Placeholders for whole rows: `values(placeholders(arg, COLUMNS))`. */
export function placeholders<Row>(arg: Placeholder<Row>, columns: Readonly<Record<keyof Row, true>>): Row {
  const entries = (Object.keys(columns) as (keyof Row & string)[]).map((column) => [column, arg(column)]);
  return Object.fromEntries(entries) as Row;
}
