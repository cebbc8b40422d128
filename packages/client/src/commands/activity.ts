import type { CommandContext } from '../cli/command-spec.ts';
import { displayText, displayTime } from '../cli/display.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { parseWholeNumber } from '../cli/units.ts';
import { callDaemon, followDaemon } from '../control/control-client.ts';
import type { Activity } from '../control/daemon-control.ts';

/** `satchel activity`: a line, or with --json an object, for each thing that happened. */
export async function activity({ home, flag, isSet, signal, terminal }: CommandContext): Promise<number> {
  const limit = parseWholeNumber(flag('count') ?? '20');
  const past = await callDaemon('activity', { home, params: { limit }, signal });
  for (const one of past) terminal.result(one, activityLine(one));
  if (!isSet('follow')) return EXIT.done;
  return followDaemon('watchActivity', { home, params: {}, signal }, (one) => terminal.result(one, activityLine(one)));
}

function activityLine({ at, what, path, detail }: Activity): string {
  const rest = detail === undefined ? '' : `  ${displayText(detail)}`;
  return `${displayTime(Date.parse(at))}  ${what.padEnd(12)} ${displayText(path)}${rest}`;
}
