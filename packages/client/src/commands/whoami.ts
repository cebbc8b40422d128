import type { CommandContext } from '../cli/command-spec.ts';
import { columns, displayText } from '../cli/display.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { openSession } from '../cli/session.ts';
import { formatBytes } from '../cli/units.ts';

/** `satchel whoami`. */
export async function whoami(context: CommandContext): Promise<number> {
  using session = openSession(context);
  const { server, deviceName } = session.account;
  const account = await session.api.call('account', {}, context.signal);
  const { email, name, plan, quotaBytes, usedBytes, userId, deviceId } = account;
  const text = columns([
    ['account', `${displayText(email)}${name === '' ? '' : ` (${displayText(name)})`}`],
    ['server', server],
    ['device', displayText(deviceName)],
    ['plan', `${plan}: ${formatBytes(usedBytes)} of ${formatBytes(quotaBytes)} used`],
  ]).join('\n');
  context.terminal.result({ email, name, server, userId, deviceId, deviceName, plan, quotaBytes, usedBytes }, text);
  return EXIT.done;
}

/** `satchel plan ls`. */
export async function planList(context: CommandContext): Promise<number> {
  using session = openSession(context);
  const { plans } = await session.api.call('plans', {}, context.signal);
  const rows = plans.map(({ name, quotaBytes, retentionDays, current }) => [
    current ? '*' : ' ',
    name,
    formatBytes(quotaBytes),
    `deleted files are kept ${retentionDays} days`,
  ]);
  context.terminal.result({ plans }, columns(rows).join('\n'));
  return EXIT.done;
}
