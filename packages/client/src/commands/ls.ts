import type { CommandContext } from '../cli/command-spec.ts';
import { columns, displayText, displayTime } from '../cli/display.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { entryOf, type RemoteEntry } from '../cli/remote-entry.ts';
import { openDrive } from '../cli/remote-drive.ts';
import { openSession } from '../cli/session.ts';
import { formatBytes } from '../cli/units.ts';

/** `satchel ls`. */
export async function ls(context: CommandContext): Promise<number> {
  using session = openSession(context);
  const drive = openDrive(session, context);
  const at = await drive.expect(context.args[0] ?? '');
  const objects = at.folder === undefined ? [at] : await Array.fromAsync(drive.children(at));
  const entries = objects.map(entryOf);
  const text = context.isSet('long') ? longText(entries) : entries.map(nameOf).join('\n');
  context.terminal.result({ path: at.path, entries }, text);
  return EXIT.done;
}

function nameOf({ name, kind }: RemoteEntry): string {
  return displayText(name) + (kind === 'folder' || kind === 'mount' ? '/' : '');
}

function longText(entries: readonly RemoteEntry[]): string {
  const rows = entries.map((entry) => {
    const { kind, size, modifiedAt, target } = entry;
    const link = target === undefined ? '' : ` -> ${displayText(target)}`;
    const time = modifiedAt === undefined ? '' : displayTime(Date.parse(modifiedAt));
    return [kind, size === undefined ? '' : formatBytes(size), time, nameOf(entry) + link];
  });
  return columns(rows).join('\n');
}
