/**
 * Writes the tables of docs/PROTOCOL.md (routes, limits) from the code, between their marks; the prose around them is
 * written by hand. `node scripts/protocol-doc.ts`.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LIMITS } from '@satchel/protocol/limits.ts';
import { ROUTES, type Route } from '@satchel/protocol/routes.ts';

const FILE = join(import.meta.dirname, '../docs/PROTOCOL.md');

const AUTH = { token: 'token', signed: 'signed address', none: 'anybody' } as const;

function bodyOf({ body, query }: Route): string {
  const parts = [
    query === undefined ? [] : Object.keys(query.shape).map((name) => `?${name}`),
    body === undefined ? [] : [body === 'bytes' ? 'bytes' : 'JSON'],
  ];
  return parts.flat().join(' ');
}

function answerOf({ answer }: Route): string {
  if (answer === undefined) return '204';
  return typeof answer === 'string' ? answer : 'JSON';
}

function routesTable(): string {
  const rows = Object.values<Route>(ROUTES).map(
    (route) =>
      `| \`${route.method} ${route.path}\` | ${AUTH[route.auth]} | ${bodyOf(route)} | ${answerOf(route)} | ${route.summary} |`,
  );
  return ['| call | who | asks with | answers | for |', '|---|---|---|---|---|', ...rows].join('\n');
}

function limitsTable(): string {
  const rows = Object.entries<number>(LIMITS).map(([name, value]) => `| \`${name}\` | ${value.toLocaleString('en')} |`);
  return ['| limit | value |', '|---|---|', ...rows].join('\n');
}

const TABLES: Readonly<Record<string, () => string>> = { routes: routesTable, limits: limitsTable };

/** The document with its tables as the code has them now. Throws RangeError when a mark is missing. */
export function protocolDocument(written: string): string {
  return Object.entries(TABLES).reduce((text, [name, table]) => {
    const [begin, end] = [`<!-- ${name}: generated -->\n`, `\n<!-- ${name}: end -->`];
    const from = text.indexOf(begin);
    const to = text.indexOf(end);
    if (from < 0 || to < from) throw new RangeError(`docs/PROTOCOL.md has no marks for the table of ${name}`);
    return `${text.slice(0, from + begin.length)}${table()}${text.slice(to)}`;
  }, written);
}

if (import.meta.main) writeFileSync(FILE, protocolDocument(readFileSync(FILE, 'utf8')));
