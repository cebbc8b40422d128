import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, statSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { CommandContext } from '../cli/command-spec.ts';
import { CommandError } from '../cli/command-error.ts';
import { rotateIfLong } from '../cli/daemon-log.ts';
import { displayText } from '../cli/display.ts';
import { daemonProcess } from '../cli/daemon-process.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { daemonLockOf, daemonLogOf } from '../cli/home-files.ts';
import { tryLock } from '../cli/lock.ts';
import { loadClientConfig, tokenFile } from '../config.ts';
import { callDaemonIfRunning } from '../control/control-client.ts';
import type { DaemonStatus } from '../control/daemon-control.ts';

const ANSWERS_WITHIN_MS = 60_000;
const ASK_EVERY_MS = 25;

/** `satchel start`. */
export async function start(context: CommandContext): Promise<number> {
  if (context.isSet('foreground')) return (await import('./foreground.ts')).runForeground(context);
  const { terminal, home, env, signal } = context;
  loadClientConfig(home, env);
  const running = await callDaemonIfRunning('status', { home, params: {}, signal });
  if (running !== undefined) {
    terminal.result(
      started(running, true),
      `Satchel already runs (process ${running.pid}) and syncs ${displayText(running.root)}.`,
    );
    return EXIT.done;
  }
  const { status, isOther } = await spawnDaemon(context);
  terminal.result(
    started(status, isOther),
    `Satchel runs (process ${status.pid}) and syncs ${displayText(status.root)}.`,
  );
  return EXIT.done;
}

/** A daemon that runs waits for the next sign-in; one that is started now could do nothing. */
function expectSignedIn(home: string): void {
  if (existsSync(tokenFile(home))) return;
  throw new CommandError('sign_in_required', EXIT.signIn, 'This device is signed out.', { next: 'satchel login' });
}

function started({ pid, root, state }: DaemonStatus, alreadyRunning: boolean) {
  return { pid, root, state, alreadyRunning };
}

export interface Spawned {
  readonly status: DaemonStatus;
  /** Another command has started it at the same time. */
  readonly isOther: boolean;
}

/** Starts the daemon in the background; resolves when one answers. */
export async function spawnDaemon({ home, env, signal }: CommandContext): Promise<Spawned> {
  expectSignedIn(home);
  const logFile = daemonLogOf(home);
  rotateIfLong(logFile);
  const from = statSync(logFile, { throwIfNoEntry: false })?.size ?? 0;
  const output = openSync(logFile, 'a', 0o600);
  const daemon = daemonProcess();
  const args = [...daemon.args, 'start', '--foreground', '--log-file', logFile, '--home', home];
  let child: ChildProcess;
  try {
    child = spawn(daemon.file, args, {
      cwd: '/',
      detached: true,
      stdio: ['ignore', 'ignore', output],
      env: { ...daemon.env, ...env, SATCHEL_JSON: '', SATCHEL_QUIET: '' },
    });
  } finally {
    closeSync(output);
  }
  const status = await answerOf(child, { home, signal });
  if (status === undefined) throw startFailure(child, readFileSync(logFile, 'utf8').slice(from), logFile);
  child.unref();
  return { status, isOther: status.pid !== child.pid };
}

/** Undefined when the child ends, and no other daemon was before it; or when none answers. */
async function answerOf(
  child: ChildProcess,
  { home, signal }: Pick<CommandContext, 'home' | 'signal'>,
): Promise<DaemonStatus | undefined> {
  const ended = new AbortController();
  child.once('exit', () => ended.abort());
  child.once('error', () => ended.abort());
  const until = performance.now() + ANSWERS_WITHIN_MS;
  while ((!ended.signal.aborted || isHeld(home)) && performance.now() < until) {
    const status = await callDaemonIfRunning('status', { home, params: {}, signal });
    if (status !== undefined) return status;
    await delay(ASK_EVERY_MS, undefined, { signal });
  }
  return undefined;
}

/** Whether a daemon of this home runs, or is just starting or ending. */
function isHeld(home: string): boolean {
  const file = daemonLockOf(home);
  if (!existsSync(file)) return false;
  using lock = tryLock(file);
  return lock === undefined;
}

function startFailure({ exitCode }: ChildProcess, log: string, logFile: string): CommandError {
  if (exitCode === null)
    return new CommandError('daemon_silent', EXIT.tryAgain, `The daemon does not answer; see ${logFile}.`);
  const said = /^satchel: (.*)(?:\n {2}next: (.*))?$/m.exec(log);
  const message = said?.[1] ?? `The daemon ended at once; see ${logFile}.`;
  const next = said?.[2];
  return new CommandError('daemon_failed', exitCode || EXIT.error, message, next === undefined ? {} : { next });
}
