import type { CommandContext } from '../cli/command-spec.ts';
import { displayText, displayTime } from '../cli/display.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { callDaemon } from '../control/control-client.ts';

/** `satchel held ls`. */
export async function heldList({ home, signal, terminal }: CommandContext): Promise<number> {
  const { held } = await callDaemon('status', { home, params: {}, signal });
  if (held === null) {
    terminal.result({ held }, 'Nothing is held.');
    return EXIT.done;
  }
  const { deletes, sample, since } = held;
  const more = deletes - sample.length;
  const lines = [
    `${deletes} deletions are held since ${displayTime(Date.parse(since))}:`,
    ...sample.map((path) => `  ${displayText(path)}`),
    ...(more > 0 ? [`  … and ${more} more`] : []),
    'satchel held accept lets them through, satchel held undo brings the files back.',
  ];
  terminal.result({ held }, lines.join('\n'));
  return EXIT.done;
}

/** `satchel held accept`. */
export async function heldAccept({ home, signal, terminal }: CommandContext): Promise<number> {
  const { count } = await callDaemon('acceptHeld', { home, params: {}, signal });
  terminal.result({ accepted: count }, count === 0 ? 'Nothing was held.' : `${count} deletions go through.`);
  return EXIT.done;
}

/** `satchel held undo`. */
export async function heldUndo({ home, signal, terminal }: CommandContext): Promise<number> {
  const { count } = await callDaemon('undoHeld', { home, params: {}, signal });
  terminal.result({ undone: count }, count === 0 ? 'Nothing was held.' : `${count} files and folders come back.`);
  return EXIT.done;
}
