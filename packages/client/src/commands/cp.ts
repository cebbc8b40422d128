import type { CommandContext } from '../cli/command-spec.ts';
import { CommandError, usageError } from '../cli/command-error.ts';
import { displayText } from '../cli/display.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { targetOf, throwRefusals } from '../cli/remote-commit.ts';
import { copyTo } from '../cli/remote-copy.ts';
import { openPatientDrive, shown } from '../cli/remote-drive.ts';
import { openSession } from '../cli/session.ts';

/** `satchel cp`: never replaces anything. */
export async function cp(context: CommandContext): Promise<number> {
  const { args, isSet, terminal } = context;
  const [from = '', to = ''] = args;
  using session = openSession(context);
  const drive = openPatientDrive(session, context);
  const source = await drive.expect(from);
  if (source.record === undefined) throw usageError('The top of the drive cannot be copied into itself.');
  if (source.folder !== undefined && !isSet('recursive'))
    throw usageError(`${shown(source)} is a folder.`, `satchel cp -r ${from} ${to}`);
  const target = await targetOf(drive, to, source.record.name);
  if (target.existing !== undefined)
    throw new CommandError('name_taken', EXIT.conflict, `${target.path} exists already.`);
  if (`${target.path}/`.startsWith(`${source.path}/`))
    throw new CommandError('would_cycle', EXIT.conflict, `${shown(source)} cannot be copied into itself.`);
  const results = await copyTo(drive, source, target);
  const copied = results.filter(({ result }) => result.outcome === 'done').length;
  terminal.result({ from: source.path, to: target.path, copied }, undefined);
  terminal.say(`${displayText(source.path)} → ${displayText(target.path)}`);
  throwRefusals(results, terminal.warn);
  return EXIT.done;
}
