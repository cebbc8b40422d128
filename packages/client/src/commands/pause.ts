import type { CommandContext } from '../cli/command-spec.ts';
import { displayTime } from '../cli/display.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { parseDuration } from '../cli/units.ts';
import { callDaemon } from '../control/control-client.ts';

/** `satchel pause`. */
export async function pause({ home, flag, signal, terminal }: CommandContext): Promise<number> {
  const duration = flag('for');
  const untilMs = duration === undefined ? undefined : Date.now() + parseDuration(duration);
  await callDaemon('pause', { home, params: untilMs === undefined ? {} : { untilMs }, signal });
  const until = untilMs === undefined ? 'until "satchel resume"' : `until ${displayTime(untilMs)}`;
  const pausedUntil = untilMs === undefined ? null : new Date(untilMs).toISOString();
  terminal.result({ state: 'paused', pausedUntil }, `Paused ${until}.`);
  return EXIT.done;
}

/** `satchel resume`. */
export async function resume({ home, signal, terminal }: CommandContext): Promise<number> {
  await callDaemon('resume', { home, params: {}, signal });
  terminal.result({ resumed: true }, 'Going on.');
  return EXIT.done;
}

/** `satchel sync now`. */
export async function syncNow({ home, signal, terminal }: CommandContext): Promise<number> {
  await callDaemon('syncNow', { home, params: {}, signal });
  terminal.result({ asked: true }, 'Looking at the disk and asking the server.');
  return EXIT.done;
}
