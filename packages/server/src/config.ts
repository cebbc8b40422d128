import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import {
  ConfigError,
  isLoopback,
  listenAddress,
  numberOrOff,
  oneOf,
  sizeBytes,
  someOf,
  wholeNumber,
  yesOrNo,
} from './config-values.ts';

export type Env = Readonly<Record<string, string | undefined>>;

/** One setting: a flag, a variable `SATCHEL_…` and an entry of the config file of the same name. */
interface Setting<T> {
  readonly read: (text: string) => T;
  readonly fallback: (env: Env) => T;
  readonly help: string;
  /** Shown in the help; absent: a flag without a value. */
  readonly value?: string;
  readonly short?: string;
}

const path = (text: string): string => resolve(text);
const optional = <T>(read: (text: string) => T) => ({
  read: (text: string): T | undefined => (text === '' ? undefined : read(text)),
  fallback: (): T | undefined => undefined,
});
const ROLES = ['gateway', 'meta', 'block', 'notify', 'work'] as const;
export type ServerRole = (typeof ROLES)[number];

const SETTINGS = {
  data: {
    read: path,
    fallback: (env) => join(dataHome(env), 'satchel-server'),
    value: 'DIR',
    help: 'where everything is stored',
  },
  'key-file': {
    read: path,
    fallback: (env) => join(configHome(env), 'satchel-server', 'master.key'),
    value: 'FILE',
    help: 'the key that encrypts what is stored; keep it and its backup apart from the data',
  },
  listen: {
    read: listenAddress,
    fallback: () => listenAddress('127.0.0.1:7420'),
    value: 'HOST:PORT',
    help: 'the address to listen on (127.0.0.1:7420)',
  },
  'public-url': { ...optional(publicUrl), value: 'URL', help: 'how people reach this server, for links in mails' },
  role: {
    read: someOf(ROLES),
    fallback: () => ROLES,
    value: 'LIST',
    help: `which services to run (all: ${ROLES.join(',')})`,
  },
  signup: {
    read: oneOf(['open', 'invite', 'closed']),
    fallback: () => 'open' as const,
    value: 'WHO',
    help: 'who may make an account: open, invite, closed',
  },
  'default-quota': {
    ...optional(sizeBytes),
    value: 'SIZE',
    help: "quota of accounts without one of their own (the plan's)",
  },
  'guard-deletes': {
    read: numberOrOff,
    fallback: () => 1000,
    value: 'N',
    help: 'more deletions by a device within five minutes, or a tenth of a workspace, wait for its user (1000); off',
  },
  dedup: {
    read: oneOf(['global', 'account']),
    fallback: () => 'global' as const,
    value: 'SCOPE',
    help: 'store equal chunks once for all accounts, or once for each: global, account',
  },
  'tls-cert': {
    ...optional(path),
    value: 'FILE',
    help: 'certificate chain (PEM); with --tls-key the server speaks HTTPS',
  },
  'tls-key': { ...optional(path), value: 'FILE', help: 'private key of the certificate (PEM)' },
  'behind-proxy': {
    read: yesOrNo,
    fallback: () => false,
    help: 'a proxy in front does TLS: plain HTTP, X-Forwarded-For believed',
  },
  'requests-per-minute': {
    read: wholeNumber,
    fallback: () => 2_000_000,
    value: 'N',
    help: 'what one device, or one unknown address, may ask in a minute (2000000)',
  },
  'metrics-token-file': {
    ...optional(secretFile),
    value: 'FILE',
    help: 'a token that lets other machines read /metrics',
  },
  'log-level': {
    read: oneOf(['error', 'warn', 'info', 'debug']),
    fallback: () => 'info' as const,
    value: 'LEVEL',
    help: 'error, warn, info, debug',
  },
  json: { read: yesOrNo, fallback: () => false, help: 'print JSON on stdout' },
} as const satisfies Record<string, Setting<unknown>>;

type Settings = { readonly [K in keyof typeof SETTINGS]: ReturnType<(typeof SETTINGS)[K]['read']> };

export interface Config extends Omit<Settings, 'tls-cert' | 'tls-key'> {
  readonly tls: { readonly certFile: string; readonly keyFile: string } | undefined;
}

/** Flags over environment over config file over defaults. What is left of `argv` comes back as `rest`. */
export function loadConfig(
  argv: readonly string[],
  env: Env,
): { readonly config: Config; readonly rest: readonly string[] } {
  const { flags, rest } = parseFlags(argv);
  const file = configFile(flags['config'] ?? env['SATCHEL_CONFIG']);
  const entries = Object.entries<Setting<unknown>>(SETTINGS).map(([name, setting]) => {
    const variable = variableOf(name);
    const sources = [
      [`--${name}`, flags[name]],
      [variable, env[variable]],
      [`"${name}" in the config file`, file[name]],
    ] as const;
    const [source, text] = sources.find(([, given]) => given !== undefined) ?? [];
    return [name, text === undefined ? setting.fallback(env) : readValue(setting, source ?? name, text)];
  });
  return { config: checked(Object.fromEntries(entries) as Settings), rest };
}

function readValue(setting: Setting<unknown>, source: string, text: string): unknown {
  try {
    return setting.read(text);
  } catch (error) {
    if (error instanceof ConfigError) throw new ConfigError(`${source}: ${error.message}`, { cause: error });
    throw error;
  }
}

function parseFlags(argv: readonly string[]) {
  const options: Record<string, { type: 'string' | 'boolean' }> = {
    config: { type: 'string' },
    help: { type: 'boolean' },
  };
  for (const [name, setting] of Object.entries<Setting<unknown>>(SETTINGS))
    options[name] = { type: setting.value === undefined ? 'boolean' : 'string' };
  try {
    const { values, positionals } = parseArgs({ args: [...argv], options, allowPositionals: true, strict: true });
    const flags = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)]));
    return { flags: flags as Env, rest: positionals };
  } catch (error) {
    throw new ConfigError((error as Error).message.split('. ')[0] ?? 'unknown flag', { cause: error });
  }
}

function configFile(name: string | undefined): Env {
  if (name === undefined) return {};
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(name, 'utf8'));
  } catch (error) {
    throw new ConfigError(`The config file ${name} cannot be read: ${(error as Error).message}`, { cause: error });
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw new ConfigError(`The config file ${name} is not a JSON object.`);
  const unknown = Object.keys(parsed).find((key) => !(key in SETTINGS));
  if (unknown !== undefined) throw new ConfigError(`The config file ${name} has "${unknown}", which is no setting.`);
  return Object.fromEntries(Object.entries(parsed).map(([key, value]) => [key, String(value)]));
}

function checked(settings: Settings): Config {
  const { 'tls-cert': certFile, 'tls-key': keyFile, ...rest } = settings;
  if ((certFile === undefined) !== (keyFile === undefined))
    throw new ConfigError('--tls-cert and --tls-key belong together: give both or none.');
  const missing = ROLES.filter((role) => role !== 'work' && !settings.role.includes(role));
  if (missing.length > 0)
    throw new ConfigError(
      `--role without ${missing.join(', ')}: on the embedded database these run in one process; only work may be left out.`,
    );
  const { host } = settings.listen;
  if (!isLoopback(host) && certFile === undefined && !settings['behind-proxy'])
    throw new ConfigError(
      `Refusing plain HTTP on ${host}: passwords and files would be readable on the way. Give --tls-cert and --tls-key, ` +
        'or --behind-proxy when a proxy in front does TLS.',
    );
  return { ...rest, tls: certFile !== undefined && keyFile !== undefined ? { certFile, keyFile } : undefined };
}

/** `SATCHEL_DEFAULT_QUOTA` for `default-quota`. */
function variableOf(name: string): string {
  return `SATCHEL_${name.toUpperCase().replaceAll('-', '_')}`;
}

/** The flags with their variables, one a line. */
export function settingsHelp(): string {
  const lines = Object.entries<Setting<unknown>>(SETTINGS).map(([name, setting]) => {
    const flag = `--${name}${setting.value === undefined ? '' : ` ${setting.value}`}`;
    return `  ${flag.padEnd(30)} ${setting.help}  [${variableOf(name)}]`;
  });
  return `${lines.join('\n')}\n  ${'--config FILE'.padEnd(30)} JSON object with these names  [SATCHEL_CONFIG]\n`;
}

function publicUrl(text: string): string {
  if (!URL.canParse(text) || !/^https?:/.test(text)) throw new ConfigError(`"${text}" is not a web address.`);
  return text.replace(/\/+$/, '');
}

function secretFile(name: string): string {
  try {
    return readFileSync(name, 'utf8').trim();
  } catch (error) {
    throw new ConfigError(`${name} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

function dataHome(env: Env): string {
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Application Support');
  if (process.platform === 'win32') return env['LOCALAPPDATA'] ?? join(homedir(), 'AppData', 'Local');
  return env['XDG_DATA_HOME'] || join(homedir(), '.local', 'share');
}

function configHome(env: Env): string {
  if (process.platform === 'win32') return env['APPDATA'] ?? join(homedir(), 'AppData', 'Roaming');
  return env['XDG_CONFIG_HOME'] || join(homedir(), '.config');
}
