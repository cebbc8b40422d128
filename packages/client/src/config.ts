import { chmodSync, closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { homedir, hostname } from 'node:os';
import { join, resolve } from 'node:path';
import type { DeviceId, UserId, WorkspaceId } from '@satchel/protocol/ids.ts';
import { CommandError, usageError } from './cli/command-error.ts';
import { EXIT } from './cli/exit-codes.ts';
import { parseRate, parseSize, parseWholeNumber } from './cli/units.ts';

export type Env = Readonly<Record<string, string | undefined>>;

/** Who this device is signed in as. */
export interface DeviceAccount {
  /** Without a slash at its end. */
  readonly server: string;
  readonly email: string;
  readonly userId: UserId;
  readonly deviceId: DeviceId;
  readonly deviceName: string;
  /** The personal workspace. */
  readonly workspaceId: WorkspaceId;
}

/** The synced folder of this device. */
export interface LinkedRoot {
  /** Absolute, symlinks resolved. */
  readonly path: string;
  /** As `.satchel/root.json` in it has it. */
  readonly markerId: string;
  /** Device number of its file system when it was linked. */
  readonly dev: number;
}

/** What a daemon needs to run. */
export interface ClientConfig {
  readonly account: DeviceAccount;
  readonly root: LinkedRoot;
  readonly settings: ClientSettings;
}

/** What is kept in `config.json` of the home. */
export interface StoredConfig {
  readonly account?: DeviceAccount;
  readonly root?: LinkedRoot;
  /** As they were typed. */
  readonly settings: Readonly<Record<string, string>>;
}

interface Setting<T> {
  readonly read: (text: string) => T;
  /** As it would be typed. */
  readonly fallback: string;
  readonly help: string;
}

const orOff =
  <T>(read: (text: string) => T) =>
  (text: string): T | 'off' =>
    text.trim().toLowerCase() === 'off' ? 'off' : read(text);

/** Each is also the environment variable SATCHEL_… of the same name. Sizes in bytes, rates in bytes per second. */
export const SETTINGS = {
  'guard.deletes': {
    read: orOff(parseWholeNumber),
    fallback: '1000',
    help: 'more deletions than this within five minutes wait for "held accept"; off: none do',
  },
  'limit.up': { read: parseRate, fallback: 'off', help: 'upload limit per second, like 5M; off: none' },
  'limit.down': { read: parseRate, fallback: 'off', help: 'download limit per second, like 5M; off: none' },
  'trash.days': { read: parseWholeNumber, fallback: '7', help: 'how long the trash on this device keeps a file' },
  'trash.bytes': { read: parseSize, fallback: '10G', help: 'how much the trash on this device may hold' },
  'disk.free-floor': { read: parseSize, fallback: '16M', help: 'downloads stop before less than this is free' },
  'device.name': { read: deviceName, fallback: '', help: 'the name that conflicted copies carry (the machine name)' },
} as const satisfies Readonly<Record<string, Setting<unknown>>>;

export type SettingName = keyof typeof SETTINGS;
export type ClientSettings = { readonly [K in SettingName]: ReturnType<(typeof SETTINGS)[K]['read']> };

function deviceName(text: string): string {
  const name = (text.trim() === '' ? hostname() : text.trim()).slice(0, 64);
  return name === '' ? 'this device' : name;
}

export function isSettingName(name: string): name is SettingName {
  return Object.hasOwn(SETTINGS, name);
}

/** `SATCHEL_GUARD_DELETES` for `guard.deletes`, `SATCHEL_DRY_RUN` for `dry-run`. */
export function variableOf(name: string): string {
  return `SATCHEL_${name.toUpperCase().replaceAll(/[.-]/g, '_')}`;
}

export interface SettingValue {
  readonly name: SettingName;
  /** As it was typed. */
  readonly text: string;
  readonly from: 'environment' | 'config' | 'default';
}

/** Environment over file over default. */
export function settingValue(stored: StoredConfig, env: Env, name: SettingName): SettingValue {
  const fromEnv = env[variableOf(name)];
  if (fromEnv !== undefined && fromEnv !== '') return { name, text: fromEnv, from: 'environment' };
  const fromFile = stored.settings[name];
  if (fromFile !== undefined) return { name, text: fromFile, from: 'config' };
  return { name, text: SETTINGS[name].fallback, from: 'default' };
}

/** All settings as they hold. Throws CommandError (usage) naming the variable or entry that is wrong. */
export function effectiveSettings(stored: StoredConfig, env: Env): ClientSettings {
  const entries = (Object.keys(SETTINGS) as SettingName[]).map((name) => {
    const { text, from } = settingValue(stored, env, name);
    try {
      return [name, SETTINGS[name].read(text)];
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      const source = from === 'environment' ? variableOf(name) : `setting ${name}`;
      throw usageError(`${source}: ${error.message}`);
    }
  });
  return Object.fromEntries(entries) as ClientSettings;
}

/** SATCHEL_HOME, else the platform's place for the state of programs. */
export function homeOf(env: Env): string {
  const given = env['SATCHEL_HOME'];
  if (given !== undefined && given !== '') return resolve(given);
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Application Support', 'Satchel');
  if (process.platform === 'win32') return join(env['LOCALAPPDATA'] ?? join(homedir(), 'AppData', 'Local'), 'Satchel');
  return join(env['XDG_STATE_HOME'] || join(homedir(), '.local', 'state'), 'satchel');
}

/** Makes the home where needed; only its user may enter (tokens lie in it). */
export function ensureHome(home: string): void {
  mkdirSync(home, { recursive: true, mode: 0o700 });
  chmodSync(home, 0o700);
}

const configFile = (home: string): string => join(home, 'config.json');
export const tokenFile = (home: string): string => join(home, 'tokens.json');

/** An absent file is an empty configuration; a damaged one is an error, never taken for empty. */
export function readStoredConfig(home: string): StoredConfig {
  let text: string;
  try {
    text = readFileSync(configFile(home), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { settings: {} };
    throw error;
  }
  try {
    const parsed = JSON.parse(text) as StoredConfig;
    return { ...parsed, settings: { ...parsed.settings } };
  } catch (error) {
    const message = `${configFile(home)} is damaged: ${(error as Error).message}.`;
    const next = `mv ${configFile(home)} ${configFile(home)}.damaged, then satchel login and satchel link DIR`;
    throw new CommandError('config_damaged', EXIT.error, message, { cause: error, next });
  }
}

/** Replaces the file at once and durably. */
export function writeStoredConfig(home: string, config: StoredConfig): void {
  ensureHome(home);
  const draft = `${configFile(home)}.${process.pid}`;
  const file = openSync(draft, 'w', 0o600);
  try {
    writeSync(file, `${JSON.stringify(config, undefined, 2)}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(draft, configFile(home));
}

/** Throws CommandError when this device is not signed in. */
export function expectAccount(stored: StoredConfig): DeviceAccount {
  if (stored.account !== undefined) return stored.account;
  throw new CommandError('sign_in_required', EXIT.signIn, 'This device is not signed in.', {
    next: 'satchel login --server URL --email ADDRESS',
  });
}

/** Throws CommandError when no folder is linked. */
export function expectRoot(stored: StoredConfig): LinkedRoot {
  if (stored.root !== undefined) return stored.root;
  throw new CommandError('not_linked', EXIT.notFound, 'No folder is linked on this device.', {
    next: 'satchel link DIR',
  });
}

/** What a daemon runs on, or reloads; throws CommandError when signed out or not linked. */
export function loadClientConfig(home: string, env: Env): ClientConfig {
  const stored = readStoredConfig(home);
  return { account: expectAccount(stored), root: expectRoot(stored), settings: effectiveSettings(stored, env) };
}
