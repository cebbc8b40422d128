import type { CommandContext } from '../cli/command-spec.ts';
import { displayText } from '../cli/display.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { forgetTrees } from '../cli/home-files.ts';
import { readMarker, removeMarker } from '../cli/root-marker.ts';
import { expectRoot, readStoredConfig, writeStoredConfig } from '../config.ts';
import { stopDaemon } from './stop.ts';

/** `satchel unlink`: deletes nothing; the local trash stays in `.satchel` as well. */
export async function unlink(context: CommandContext): Promise<number> {
  const { home, terminal } = context;
  const root = expectRoot(readStoredConfig(home));
  await stopDaemon(context);
  const { root: _, ...rest } = readStoredConfig(home);
  writeStoredConfig(home, rest);
  forgetTrees(home);
  const marker = readMarker(root.path);
  if (marker !== undefined && marker !== 'damaged' && marker.id === root.markerId) removeMarker(root.path);
  terminal.result({ root: root.path }, `${displayText(root.path)} is not synced any more; its files stay.`);
  return EXIT.done;
}
