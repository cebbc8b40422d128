import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { CommandContext } from '../cli/command-spec.ts';
import { CommandError } from '../cli/command-error.ts';
import { displayText } from '../cli/display.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { daemonLockOf } from '../cli/home-files.ts';
import { tryLock } from '../cli/lock.ts';
import { callDaemonIfRunning } from '../control/control-client.ts';
import { spawnDaemon } from './start.ts';

/** The daemon itself gives up after ten. */
const ENDS_WITHIN_MS = 15_000;
const LOOK_EVERY_MS = 20;

/** `satchel stop`. */
export async function stop(context: CommandContext): Promise<number> {
  const wasRunning = await stopDaemon(context);
  context.terminal.result({ wasRunning }, wasRunning ? 'Satchel is stopped.' : 'Satchel was not running.');
  return EXIT.done;
}

/** `satchel restart`. */
export async function restart(context: CommandContext): Promise<number> {
  await stopDaemon(context);
  const { status } = await spawnDaemon(context);
  const { pid, root, state } = status;
  context.terminal.result(
    { pid, root, state, alreadyRunning: false },
    `Satchel runs (process ${pid}) and syncs ${displayText(root)}.`,
  );
  return EXIT.done;
}

/** Resolves when the daemon has ended; false when none ran. */
export async function stopDaemon({ home, signal }: Pick<CommandContext, 'home' | 'signal'>): Promise<boolean> {
  const answer = await callDaemonIfRunning('stop', { home, params: {}, signal });
  const lockFile = daemonLockOf(home);
  if (answer === undefined && !existsSync(lockFile)) return false;
  const until = performance.now() + ENDS_WITHIN_MS;
  // A daemon that is just starting, or just ending, holds the lock and does not answer.
  let waited = answer !== undefined;
  for (;;) {
    const lock = tryLock(lockFile);
    lock?.[Symbol.dispose]();
    if (lock !== undefined) return waited;
    waited = true;
    if (performance.now() > until)
      throw new CommandError('daemon_silent', EXIT.tryAgain, `The daemon of ${home} does not end.`);
    await delay(LOOK_EVERY_MS, undefined, { signal });
  }
}
