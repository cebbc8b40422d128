/**
 * Writes the tables of docs/PROTOCOL.md and docs/OPERATIONS.md (routes, limits, settings, commands) from the code,
 * between their marks; the prose around them is written by hand. `node scripts/doc-tables.ts`.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SETTINGS, variableOf } from '@satchel/client/config.ts';
import { LIMITS } from '@satchel/protocol/limits.ts';
import { ROUTES, type Route } from '@satchel/protocol/routes.ts';
import { ADMIN_HELP } from '@satchel/server/administration/commands.ts';
import { settingsHelp } from '@satchel/server/config.ts';

type Tables = Readonly<Record<string, () => string>>;

const DOCS = join(import.meta.dirname, '../docs');

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

function clientSettingsTable(): string {
  const rows = Object.entries(SETTINGS).map(
    ([name, { fallback, help }]) => `| \`${name}\` | \`${variableOf(name)}\` | ${fallback || '–'} | ${help} |`,
  );
  return ['| setting | variable | default | meaning |', '|---|---|---|---|', ...rows].join('\n');
}

function block(text: string): string {
  return ['```', text.trimEnd(), '```'].join('\n');
}

export const DOCUMENTS: Readonly<Record<string, Tables>> = {
  'PROTOCOL.md': { routes: routesTable, limits: limitsTable },
  'OPERATIONS.md': {
    'serve flags': () => block(settingsHelp()),
    'client settings': clientSettingsTable,
    'admin commands': () => block(ADMIN_HELP),
  },
};

export function readDocument(name: string): string {
  return readFileSync(join(DOCS, name), 'utf8');
}

/** A document with its tables as the code has them now. Throws RangeError when a mark is missing. */
export function withTables(written: string, tables: Tables): string {
  return Object.entries(tables).reduce((text, [name, table]) => {
    const [begin, end] = [`<!-- ${name}: generated -->\n`, `\n<!-- ${name}: end -->`];
    const from = text.indexOf(begin);
    const to = text.indexOf(end);
    if (from < 0 || to < from) throw new RangeError(`the document has no marks for the table of ${name}`);
    return `${text.slice(0, from + begin.length)}${table()}${text.slice(to)}`;
  }, written);
}

if (import.meta.main) {
  for (const [name, tables] of Object.entries(DOCUMENTS))
    writeFileSync(join(DOCS, name), withTables(readDocument(name), tables));
}
