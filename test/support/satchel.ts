/** Satchel's own processes, driven through the command line contract only. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { run, startChild, type Child, type RunResult } from './child.ts';
import { until } from './until.ts';

/** The program under test: SATCHEL_BIN, else bin/satchel of this checkout. */
export const satchelBin: string = resolve(process.env['SATCHEL_BIN'] ?? join(import.meta.dirname, '../../bin/satchel'));

export const exitCode = {
  done: 0,
  error: 1,
  usage: 2,
  signIn: 3,
  notFound: 4,
  conflict: 5,
  permission: 6,
  quota: 7,
  tryAgain: 8,
  partly: 9,
  notRunning: 10,
  notInSync: 11,
  held: 12,
  interrupted: 130,
} as const;

type Env = Readonly<Record<string, string | undefined>>;

/** Settings of the person who runs the tests must not reach the product: only these variables pass. */
function cleanEnv(home: string, extra: Env): Env {
  mkdirSync(home, { recursive: true });
  const { PATH, LANG, TMPDIR } = process.env;
  return {
    PATH,
    LANG,
    TMPDIR,
    HOME: home,
    XDG_CONFIG_HOME: join(home, 'config'),
    XDG_DATA_HOME: join(home, 'data'),
    XDG_STATE_HOME: join(home, 'state'),
    XDG_RUNTIME_DIR: join(home, 'run'),
    NO_COLOR: '1',
    ...extra,
  };
}

/** A port of the loopback address that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done, fail) => server.once('error', fail).listen(0, '127.0.0.1', done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

export type Server = AsyncDisposable & {
  readonly port: number;
  readonly url: string;
  readonly dataDir: string;
  readonly env: Env;
  readonly process: () => Child;
  readonly log: () => string;
  /** Ends the server (default SIGTERM) and waits for it. */
  readonly stop: (signal?: NodeJS.Signals) => Promise<void>;
  /** Starts it again on the same port and data and waits until it is ready. */
  readonly start: () => Promise<void>;
  /** `satchel admin …` against this server's data. */
  readonly admin: (...args: readonly string[]) => Promise<RunResult>;
};

export type ServerOptions = {
  readonly folder: string;
  readonly env?: Env;
  readonly args?: readonly string[];
  readonly dataDir?: string;
};

/** Starts `satchel serve` on a free port of the loopback address and waits for /readyz. */
export async function startServer(options: ServerOptions): Promise<Server> {
  const port = await freePort();
  const dataDir = options.dataDir ?? join(options.folder, 'server-data');
  const logFile = join(options.folder, 'server.log');
  mkdirSync(options.folder, { recursive: true });
  const env = cleanEnv(join(options.folder, 'server-home'), {
    SATCHEL_DEFAULT_QUOTA: '100G',
    SATCHEL_DATA: dataDir,
    ...options.env,
  });
  const url = `http://127.0.0.1:${port}`;
  let child: Child | undefined;
  const current = (): Child => {
    if (child === undefined) throw new Error('the server was never started');
    return child;
  };
  const start = async (): Promise<void> => {
    const begun = startChild({
      name: 'server',
      logFile,
      env,
      command: [satchelBin, 'serve', '--data', dataDir, '--listen', `127.0.0.1:${port}`, ...(options.args ?? [])],
    });
    child = begun;
    await until(() => (begun.running() ? answersReady(url) : failed(begun)), {
      timeoutMs: 30_000,
      what: () => `the server is ready\n${begun.log().slice(-4000)}`,
    });
  };
  const server: Server = {
    port,
    url,
    dataDir,
    env,
    start,
    process: current,
    log: () => current().log(),
    stop: async (signal = 'SIGTERM') => {
      await current().end(signal);
    },
    admin: async (...args) => await run([satchelBin, 'admin', ...args, '--data', dataDir], { env }),
    async [Symbol.asyncDispose]() {
      if (child !== undefined) await child[Symbol.asyncDispose]();
    },
  };
  try {
    await start();
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
  return server;
}

function failed(child: Child): never {
  throw new Error(`${child.name} ended before it was ready:\n${child.log().slice(-4000)}`);
}

async function answersReady(url: string): Promise<boolean> {
  try {
    const answer = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(2000) });
    await answer.arrayBuffer();
    return answer.ok;
  } catch {
    return false; // not listening yet: the caller asks again
  }
}

/** What `status --json` says at least (cli.md). */
export type Status = {
  readonly state: 'synced' | 'syncing' | 'paused' | 'offline' | 'held' | 'error';
  readonly root: string;
  readonly server: string;
  readonly scanned: boolean;
  readonly pending: {
    readonly uploads: number;
    readonly downloads: number;
    readonly bytesUp: number;
    readonly bytesDown: number;
  };
  readonly problems: readonly { readonly path: string; readonly code: string; readonly message: string }[];
  readonly conflicts: number;
  readonly held: unknown;
  readonly lastSyncAt?: string | null;
};

export type Account = { readonly email: string; readonly passwordFile: string };

export type Device = AsyncDisposable & {
  readonly name: string;
  /** SATCHEL_HOME of this device. */
  readonly home: string;
  /** The synced folder. */
  readonly root: string;
  readonly serverUrl: string;
  readonly path: (...parts: string[]) => string;
  readonly process: () => Child;
  readonly running: () => boolean;
  readonly log: () => string;
  /** Runs `satchel ARGS` as this device, whatever its exit code. */
  readonly cli: (
    args: readonly string[],
    options?: { readonly timeoutMs?: number; readonly input?: string | Uint8Array },
  ) => Promise<RunResult>;
  /** The same; anything but exit code 0 is an error. */
  readonly ok: (...args: readonly string[]) => Promise<RunResult>;
  readonly status: () => Promise<Status>;
  /** `satchel wait`; its exit code. */
  readonly wait: (timeoutSeconds?: number) => Promise<number>;
  readonly signUp: (account: Account) => Promise<void>;
  readonly logIn: (account: Account) => Promise<void>;
  readonly link: () => Promise<void>;
  /** Starts the daemon in the foreground as our child and waits until it answers. Changed settings stay for the next start. */
  readonly start: (env?: Env) => Promise<void>;
  /** Ends the daemon (default SIGTERM) and waits for its end. */
  readonly stop: (signal?: NodeJS.Signals) => Promise<void>;
};

export type DeviceOptions = {
  readonly name: string;
  readonly folder: string;
  readonly serverUrl: string;
  readonly env?: Env;
  readonly root?: string;
  readonly home?: string;
  /** Words in front of the daemon's command, e.g. a limit. */
  readonly prefix?: readonly string[];
  /** Whether the daemon of a home answers, where `satchel status`, a process for each look, is too slow. */
  readonly answers?: (home: string) => Promise<boolean>;
};

/** A device that has no account yet: its own SATCHEL_HOME and its own folder, no process running. */
export function createDevice(options: DeviceOptions): Device {
  const home = options.home ?? join(options.folder, `${options.name}-home`);
  const root = options.root ?? join(options.folder, options.name);
  const logFile = join(options.folder, `${options.name}.log`);
  mkdirSync(root, { recursive: true });
  mkdirSync(home, { recursive: true });
  let extra: Env = { ...options.env };
  const env = (): Env =>
    cleanEnv(join(options.folder, `${options.name}-user`), {
      SATCHEL_HOME: home,
      SATCHEL_DEVICE_NAME: options.name,
      ...extra,
    });
  let child: Child | undefined;
  const current = (): Child => {
    if (child === undefined) throw new Error(`${options.name} was never started`);
    return child;
  };
  const cli: Device['cli'] = async (args, how = {}) => await run([satchelBin, ...args], { env: env(), ...how });
  const ok: Device['ok'] = async (...args) => {
    const result = await cli(args);
    if (result.code !== 0)
      throw new Error(
        `${options.name}: satchel ${args.join(' ')} ended with ${result.code}\n${result.stdout}${result.stderr}`,
      );
    return result;
  };
  const status = async (): Promise<Status> => JSON.parse((await ok('status', '--json')).stdout) as Status;
  return {
    name: options.name,
    home,
    root,
    serverUrl: options.serverUrl,
    cli,
    ok,
    status,
    path: (...parts) => join(root, ...parts),
    process: current,
    running: () => child?.running() ?? false,
    log: () => child?.log() ?? '',
    wait: async (seconds = 60) =>
      (await cli(['wait', '--timeout', String(seconds)], { timeoutMs: (seconds + 20) * 1000 })).code,
    signUp: async (account) => {
      await ok(
        'signup',
        '--server',
        options.serverUrl,
        '--email',
        account.email,
        '--password-file',
        account.passwordFile,
      );
    },
    logIn: async (account) => {
      await ok(
        'login',
        '--server',
        options.serverUrl,
        '--email',
        account.email,
        '--password-file',
        account.passwordFile,
      );
    },
    link: async () => {
      await ok('link', root);
    },
    start: async (changed = {}) => {
      extra = { ...extra, ...changed };
      const begun = startChild({
        name: options.name,
        logFile,
        env: env(),
        command: [...(options.prefix ?? []), satchelBin, 'start', '--foreground'],
      });
      child = begun;
      const answers = options.answers ?? (async () => (await cli(['status', '--json'])).code === 0);
      await until(async () => (begun.running() ? await answers(home) : failed(begun)), {
        timeoutMs: 30_000,
        what: () => `the daemon of ${options.name} answers\n${begun.log().slice(-4000)}`,
      });
    },
    stop: async (signal = 'SIGTERM') => {
      if (child !== undefined && child.running()) await child.end(signal);
    },
    async [Symbol.asyncDispose]() {
      if (child !== undefined) await child[Symbol.asyncDispose]();
    },
  };
}

/** Writes a password file for an account that does not exist yet. */
export function newAccount(folder: string, name = 'ann'): Account {
  const passwordFile = join(folder, `${name}.password`);
  mkdirSync(dirname(passwordFile), { recursive: true });
  writeFileSync(passwordFile, 'correct horse battery staple 42\n', { mode: 0o600 });
  return { email: `${name}@example.test`, passwordFile };
}
