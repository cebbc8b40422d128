import type { CommandContext } from '../cli/command-spec.ts';
import { CommandError } from '../cli/command-error.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { createProgress } from '../cli/progress.ts';
import { parseDuration } from '../cli/units.ts';
import { callDaemon, followDaemon } from '../control/control-client.ts';
import type { DaemonStatus, WaitOutcome } from '../control/daemon-control.ts';

/** `satchel wait`. */
export async function wait(context: CommandContext): Promise<number> {
  const { home, flag, signal, terminal } = context;
  const timeout = flag('timeout');
  const limit = timeout === undefined ? undefined : AbortSignal.timeout(Math.max(1, parseDuration(timeout)));
  using patience = limit === undefined ? awayTooLong(context) : undefined;
  const either = AbortSignal.any([signal, limit, patience?.signal].filter((one) => one !== undefined));
  using shown = new DisposableStack();
  shown.use(showProgress(context, either));
  let outcome: WaitOutcome;
  try {
    outcome = await callDaemon('wait', { home, params: {}, signal: either });
  } catch (error) {
    if (patience?.signal.aborted && !signal.aborted) throw notInSync('offline', AWAY);
    if (limit?.aborted !== true || signal.aborted) throw error;
    throw notInSync('timeout', `Not in sync within ${timeout} s.`);
  }
  if (outcome.outcome === 'held')
    throw new CommandError('held', EXIT.held, 'A mass deletion is held until you decide.', {
      next: 'satchel held ls',
    });
  if (outcome.outcome === 'blocked') throw notInSync('blocked', outcome.message);
  terminal.result({ state: 'synced' }, undefined);
  terminal.say('In sync.');
  return EXIT.done;
}

function notInSync(code: string, message: string): CommandError {
  const next = message.includes("'satchel ") ? {} : { next: 'satchel status' };
  return new CommandError(code, EXIT.notInSync, message, next);
}

const AWAY = 'The server cannot be reached; give --timeout SECONDS to wait for it that long.';
/** A server that starts anew is back within this time. */
const AWAY_MS = 20_000;

/** Aborts when the server has not been there for so long: `wait` answers also without a limit of the caller. */
function awayTooLong({ home, signal }: CommandContext): Disposable & { readonly signal: AbortSignal } {
  const away = new AbortController();
  const ending = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const look = ({ state }: DaemonStatus): void => {
    if (state === 'offline') timer ??= setTimeout(() => away.abort(), AWAY_MS);
    else {
      clearTimeout(timer);
      timer = undefined;
    }
  };
  // What goes wrong with it, the wait itself meets as well.
  const either = AbortSignal.any([signal, ending.signal]);
  followDaemon('watchStatus', { home, params: {}, signal: either }, look).catch(() => undefined);
  return {
    signal: away.signal,
    [Symbol.dispose]: () => {
      clearTimeout(timer);
      ending.abort();
    },
  };
}

function showProgress({ home, terminal }: CommandContext, signal: AbortSignal): Disposable | undefined {
  if (!terminal.showsProgress) return undefined;
  const progress = createProgress(terminal);
  const ending = new AbortController();
  const either = AbortSignal.any([signal, ending.signal]);
  let most = 0;
  const show = ({ pending }: DaemonStatus): void => {
    const left = pending.bytesUp + pending.bytesDown;
    most = Math.max(most, left);
    const count = pending.uploads + pending.downloads;
    progress.total({ label: `${count} to go`, doneBytes: most - left, totalBytes: most });
  };
  // What goes wrong with it, the wait itself meets as well.
  followDaemon('watchStatus', { home, params: {}, signal: either }, show).catch(() => undefined);
  return {
    [Symbol.dispose]: () => {
      ending.abort();
      progress[Symbol.dispose]();
    },
  };
}
