import type { CommandContext } from '../cli/command-spec.ts';
import { displayText } from '../cli/display.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { openDrive, type RemoteDrive, type RemoteObject } from '../cli/remote-drive.ts';
import { entryOf } from '../cli/remote-entry.ts';
import { openSession } from '../cli/session.ts';
import { parseWholeNumber } from '../cli/units.ts';

/** `satchel tree`. */
export async function tree(context: CommandContext): Promise<number> {
  using session = openSession(context);
  const drive = openDrive(session, context);
  const at = await drive.expect(context.args[0] ?? '');
  const depth = context.flag('depth');
  const objects = await within(drive, at, depth === undefined ? Infinity : parseWholeNumber(depth));
  const lines = at.folder === undefined ? [] : objects.map((object) => line(at, object));
  const files = objects.filter(({ folder }) => folder === undefined).length;
  const head = at.folder === undefined ? displayText(at.path) : `${displayText(at.path)}/`;
  const text = [head, ...lines, '', `${objects.length - files} folders, ${files} files`].join('\n');
  context.terminal.result({ path: at.path, entries: objects.map(entryOf) }, text);
  return EXIT.done;
}

async function within(drive: RemoteDrive, at: RemoteObject, depth: number): Promise<readonly RemoteObject[]> {
  if (at.folder === undefined) return [at];
  if (depth === Infinity) return drive.below(at);
  const found: RemoteObject[] = [];
  if (depth === 0) return found;
  for await (const child of drive.children(at)) {
    found.push(child);
    if (child.folder !== undefined) found.push(...(await within(drive, child, depth - 1)));
  }
  return found;
}

function line(top: RemoteObject, { path, record, folder }: RemoteObject): string {
  const below = top.path === '' ? path : path.slice(top.path.length + 1);
  const level = below.split('/').length;
  return `${'  '.repeat(level)}${displayText(record?.name ?? path)}${folder === undefined ? '' : '/'}`;
}
