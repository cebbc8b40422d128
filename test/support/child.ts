/** Child processes that a test owns: logged to a file, killed with the test, never left behind. */
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';

export type Exit = { readonly code: number | null; readonly signal: NodeJS.Signals | null };

export type Child = AsyncDisposable & {
  readonly name: string;
  readonly pid: number;
  /** Everything that the process has written so far, stdout and stderr as they came. */
  readonly log: () => string;
  readonly running: () => boolean;
  readonly exited: Promise<Exit>;
  /** Sends a signal to this process alone (not to its children) without waiting. */
  readonly signal: (signal: NodeJS.Signals) => void;
  /** Sends a signal and waits for the end; throws when the process lives on after `withinMs` (default 15 s). */
  readonly end: (signal?: NodeJS.Signals, withinMs?: number) => Promise<Exit>;
};

export type ChildOptions = {
  readonly name: string;
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  readonly logFile: string;
};

const isRoot = process.getuid?.() === 0;
const hasSetpriv = process.platform === 'linux' && spawnSync('setpriv', ['--version']).status === 0;

/**
 * The words in front of a command that tie its life to ours and, for root, take away the capability
 * that ignores file permissions: chmod 000 must mean the same to root in CI as to a user on a laptop.
 */
export function leash(): readonly string[] {
  if (!hasSetpriv) return [];
  const drop = '-dac_override,-dac_read_search';
  const asUser = isRoot ? [`--bounding-set=${drop}`, `--inh-caps=${drop}`] : [];
  return ['setpriv', '--pdeathsig', 'KILL', ...asUser];
}

/** Starts a process in a process group of its own; disposal ends the whole group with SIGKILL. */
export function startChild(options: ChildOptions): Child {
  const [file, ...args] = [...leash(), ...options.command];
  if (file === undefined) throw new Error('empty command');
  const out = openSync(options.logFile, 'a');
  const child = spawn(file, args, {
    env: options.env as NodeJS.ProcessEnv,
    cwd: options.cwd,
    stdio: ['ignore', out, out],
    detached: true,
  });
  closeSync(out);
  const pid = child.pid;
  if (pid === undefined) throw new Error(`cannot start ${options.name}: ${options.command.join(' ')}`);
  let exit: Exit | undefined;
  const exited = new Promise<Exit>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      exit = { code, signal };
      resolve(exit);
    });
  });
  const signal = (name: NodeJS.Signals): void => {
    if (exit === undefined) process.kill(pid, name);
  };
  const end = async (name: NodeJS.Signals = 'SIGTERM', withinMs = 15_000): Promise<Exit> => {
    signal(name);
    return await orTimeout(exited, withinMs, `${options.name} (pid ${pid}) still runs ${withinMs} ms after ${name}`);
  };
  return {
    name: options.name,
    pid,
    log: () => readFileSync(options.logFile, 'utf8'),
    running: () => exit === undefined,
    exited,
    signal,
    end,
    async [Symbol.asyncDispose]() {
      killGroup(pid);
      await exited;
    },
  };
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function orTimeout<T>(promise: Promise<T>, ms: number, message: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(message)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

export type RunResult = {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly ms: number;
};

/** Runs a command to its end and hands back what it said. A command that outlives `timeoutMs` is killed and is an error. */
export async function run(
  command: readonly string[],
  options: {
    readonly env?: Readonly<Record<string, string | undefined>>;
    readonly timeoutMs?: number;
    readonly input?: string | Uint8Array;
    readonly cwd?: string;
  } = {},
): Promise<RunResult> {
  const [file, ...args] = [...leash(), ...command];
  if (file === undefined) throw new Error('empty command');
  const begin = performance.now();
  const child = spawn(file, args, {
    env: options.env as NodeJS.ProcessEnv,
    cwd: options.cwd,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (bytes: Buffer) => stdout.push(bytes));
  child.stderr.on('data', (bytes: Buffer) => stderr.push(bytes));
  child.stdin.on('error', () => undefined); // a command that does not read its input closes the pipe
  child.stdin.end(options.input);
  const timeoutMs = options.timeoutMs ?? 60_000;
  const done = new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) =>
      signal === null ? resolve(code ?? 1) : reject(new Error(`ended by ${signal}`)),
    );
  });
  const text = (parts: readonly Buffer[]): string => Buffer.concat(parts).toString('utf8');
  try {
    const code = await orTimeout(done, timeoutMs, `no end after ${timeoutMs} ms`);
    return { code, stdout: text(stdout), stderr: text(stderr), ms: performance.now() - begin };
  } catch (cause) {
    child.kill('SIGKILL');
    throw new Error(`${command.join(' ')}: ${(cause as Error).message}\n${text(stdout)}${text(stderr)}`, { cause });
  }
}
