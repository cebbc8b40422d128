import type { CommandContext } from '../cli/command-spec.ts';
import { columns, displayText, displayTime } from '../cli/display.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { openDrive } from '../cli/remote-drive.ts';
import { entryOf } from '../cli/remote-entry.ts';
import { openSession } from '../cli/session.ts';
import { formatBytes } from '../cli/units.ts';

/** `satchel stat`. */
export async function stat(context: CommandContext): Promise<number> {
  using session = openSession(context);
  const entry = entryOf(await openDrive(session, context).expect(context.args[0] ?? ''));
  const rows = Object.entries(entry).map(([name, value]) => [name, shownValue(name, value)]);
  context.terminal.result(entry, columns(rows).join('\n'));
  return EXIT.done;
}

function shownValue(name: string, value: unknown): string {
  if (name === 'size') return `${String(value)} bytes (${formatBytes(Number(value))})`;
  if (name.endsWith('At')) return displayTime(Date.parse(String(value)));
  return displayText(String(value));
}
