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
  const either = limit === undefined ? signal : AbortSignal.any([signal, limit]);
  using shown = new DisposableStack();
  shown.use(showProgress(context, either));
  let outcome: WaitOutcome;
  try {
    outcome = await callDaemon('wait', { home, params: {}, signal: either });
  } catch (error) {
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
  return new CommandError(code, EXIT.notInSync, message, { next: 'satchel status' });
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
