import type { Layer } from './imports.ts';

const protocol = 'packages/protocol/src/';
const core = 'packages/core/src/';
const server = 'packages/server/src/';
const client = 'packages/client/src/';

/** The leaves: the wire and the words, and the algorithms. No disk, no network, no clock, no chance. */
const LEAVES: readonly Layer[] = [
  { prefix: protocol, may: [], packages: ['zod'] },
  { prefix: core, may: [protocol], packages: ['ignore'] },
];

/** What a service of the server sees: ports, never an adapter and never another service. */
function service(folder: string, packages: readonly string[]): Layer {
  return { prefix: `${server}${folder}/`, may: [`${server}ports/`, protocol, core], packages };
}

function serverAdapter(folder: string, packages: readonly string[]): Layer {
  return { prefix: `${server}adapters/${folder}/`, may: [`${server}ports/`, protocol, core], packages };
}

const SERVER: readonly Layer[] = [
  { prefix: `${server}ports/`, may: [protocol, core], packages: ['kysely'] },
  service('meta', ['zod', 'node:crypto', 'node:timers']),
  service('block', ['zod', 'node:crypto', 'node:timers', 'node:util', 'node:zlib']),
  service('notify', ['node:http']),
  service('accounts', ['jose', 'node:buffer', 'node:crypto']),
  service('work', []),
  serverAdapter('sqlite', ['node', 'kysely']),
  serverAdapter('better-auth', ['node', 'better-auth', 'pino']),
  serverAdapter('mailer-log', ['pino']),
  serverAdapter('wrap', []),
  ...['disk', 'keyfile', 'memory', 'system'].map((folder) => serverAdapter(folder, ['node'])),
  {
    prefix: `${server}gateway/`,
    may: ['meta', 'block', 'notify', 'accounts', 'ports'].map((folder) => `${server}${folder}/`).concat(protocol, core),
    packages: ['node', 'zod', 'fastify', '@fastify/rate-limit', '@fastify/websocket', 'pino', 'prom-client'],
  },
  {
    prefix: `${server}administration/`,
    may: [`${server}accounts/`, `${server}config-values.ts`, protocol],
    packages: ['node'],
  },
  { prefix: `${server}config-values.ts`, may: [], packages: [] },
  { prefix: `${server}config`, may: [`${server}config`], packages: ['node'] },
  {
    prefix: `${server}examination.ts`,
    may: ['block/', 'meta/', 'ports/'].map((name) => server + name).concat(protocol),
    packages: [],
  },
  {
    prefix: `${server}upkeep.ts`,
    may: ['administration/', 'block/', 'meta/', 'ports/', 'work/', 'examination.ts']
      .map((name) => server + name)
      .concat(protocol),
    packages: ['pino'],
  },
  { prefix: `${server}backup/`, may: [`${server}ports/`, protocol], packages: ['node', 'zod'] },
  // The only files that name adapters.
  { prefix: `${server}compose-backup.ts`, may: [server, protocol], packages: ['node'] },
  { prefix: `${server}whole-data.ts`, may: [server], packages: ['node'] },
  { prefix: `${server}compose.ts`, may: [server, protocol, core], packages: ['node', 'pino'] },
  // Commands: they compose, listen and print.
  ...['serve.', 'admin.', 'backup-commands.', 'main.'].map((command) => ({
    prefix: server + command,
    may: [
      'administration/',
      'backup/',
      'backup-commands.ts',
      'gateway/',
      'compose',
      'config',
      'serve.ts',
      'admin.ts',
    ].map((name) => server + name),
    packages: ['node', 'pino'],
  })),
];

/** A part of the daemon: ports and the parts below it. No file, socket or clock of its own. */
function part(folder: string, below: readonly string[], packages: readonly string[] = []): Layer {
  const may = ['ports', ...below].map((name) => `${client}${name}${name.endsWith('.ts') ? '' : '/'}`);
  return { prefix: `${client}${folder}/`, may: [...may, protocol, core], packages };
}

/** How commands fail, said in one way; it needs nothing but the error table. */
const FAILURES = ['command-error.ts', 'exit-codes.ts', 'failure.ts', 'units.ts'].map((name) => `${client}cli/${name}`);

const CLIENT: readonly Layer[] = [
  { prefix: `${client}ports/`, may: [protocol, core], packages: ['zod'] },
  part('state', [], ['node:sqlite']),
  part('indexer', ['state']),
  part('apply', ['state', 'indexer']),
  part('transfer', [], ['node:crypto', 'node:zlib']),
  part('synchronizer', ['state', 'indexer', 'apply', 'transfer'], ['node:crypto']),
  part('daemon', ['state', 'indexer', 'apply', 'transfer', 'synchronizer', 'control/daemon-control.ts'], ['node:path']),
  { prefix: `${client}adapters/`, may: [`${client}ports/`, protocol, core], packages: ['node', 'zod'] },
  { prefix: `${client}control/`, may: [...FAILURES, protocol], packages: ['node', 'zod'] },
  { prefix: `${client}config.`, may: [...FAILURES, protocol], packages: ['node', 'zod'] },
  {
    prefix: `${client}cli/`,
    may: ['commands/', 'config.ts', 'control/', 'ports/', 'transfer/', 'state/', 'adapters/']
      .map((name) => client + name)
      .concat(protocol, core),
    packages: ['node', 'zod'],
  },
  {
    prefix: `${client}commands/`,
    may: ['cli/', 'compose.ts', 'config.ts', 'control/', 'ports/', 'transfer/']
      .map((name) => client + name)
      .concat(protocol, core),
    packages: ['node', 'zod'],
  },
  { prefix: `${client}compose.`, may: [client, protocol, core], packages: ['node'] },
  { prefix: `${client}main.`, may: [`${client}cli/`, `${client}config.ts`, `${server}main.ts`], packages: ['node'] },
];

/** Around the product. Tests drive the real thing, so they may see all of it. */
const AROUND: readonly Layer[] = [
  { prefix: 'test/', may: ['packages/', 'scripts/', 'bench/'], packages: ['node', 'fast-check', 'zod'] },
  { prefix: 'bench/', may: ['packages/', 'test/support/'], packages: ['node'] },
  { prefix: 'scripts/', may: ['packages/', 'test/support/', 'test/layers/'], packages: ['node', 'zod'] },
];

export const FOLDERS = ['packages', 'test', 'bench', 'scripts'] as const;
export const LAYERS: readonly Layer[] = [...LEAVES, ...SERVER, ...CLIENT, ...AROUND];
