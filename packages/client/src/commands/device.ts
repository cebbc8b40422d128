import type { CommandContext } from '../cli/command-spec.ts';
import { CommandError } from '../cli/command-error.ts';
import { columns, displayText, displayTime } from '../cli/display.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { openSession } from '../cli/session.ts';

/** `satchel device ls`. */
export async function deviceList(context: CommandContext): Promise<number> {
  using session = openSession(context);
  const { devices } = await session.api.call('devices', {}, context.signal);
  const rows = devices.map(({ deviceId, name, lastSeenAt, current }) => [
    current ? '*' : ' ',
    displayText(name),
    deviceId,
    `seen ${displayTime(lastSeenAt)}`,
  ]);
  const told = devices.map(({ createdAt, lastSeenAt, ...device }) => ({
    ...device,
    createdAt: new Date(createdAt).toISOString(),
    lastSeenAt: new Date(lastSeenAt).toISOString(),
  }));
  context.terminal.result({ devices: told }, columns(rows).join('\n'));
  return EXIT.done;
}

/** `satchel device revoke`: by id, or by a name that only one device has. */
export async function deviceRevoke(context: CommandContext): Promise<number> {
  const { args, signal, terminal } = context;
  const [wanted = ''] = args;
  using session = openSession(context);
  const { devices } = await session.api.call('devices', {}, signal);
  const found = devices.filter(({ deviceId, name }) => deviceId === wanted || name === wanted);
  const [device, other] = found;
  const next = 'satchel device ls';
  if (device === undefined)
    throw new CommandError('not_found', EXIT.notFound, `There is no device "${wanted}".`, { next });
  if (other !== undefined)
    throw new CommandError('ambiguous', EXIT.conflict, `Several devices are called "${wanted}"; give the id.`, {
      next,
    });
  const { deviceId, name } = device;
  await session.api.call('revokeDevice', { params: { device_id: deviceId } }, signal);
  terminal.result({ deviceId, name, revoked: true }, `${displayText(name)} is signed out.`);
  return EXIT.done;
}
