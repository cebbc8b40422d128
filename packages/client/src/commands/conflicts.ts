import type { CommandContext } from '../cli/command-spec.ts';
import { usageError } from '../cli/command-error.ts';
import { displayText } from '../cli/display.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { pathBelowRoot } from '../cli/local-path.ts';
import { isAtOrBelow } from '../cli/remote-path.ts';
import { expectRoot, readStoredConfig } from '../config.ts';
import { callDaemon } from '../control/control-client.ts';

/** `satchel conflicts ls`. */
export async function conflictList({ args, cwd, home, signal, terminal }: CommandContext): Promise<number> {
  const [typed] = args;
  const folder = typed === undefined ? '' : pathBelowRoot(expectRoot(readStoredConfig(home)).path, cwd, typed);
  const all = await callDaemon('conflicts', { home, params: {}, signal });
  const found = all.filter(({ path }) => isAtOrBelow(path, folder));
  const conflicts = found.map(({ path, original = null }) => ({ path, original }));
  terminal.result({ conflicts }, conflicts.map(({ path }) => displayText(path)).join('\n'));
  if (conflicts.length === 0) terminal.say('There are no conflicted copies.');
  return EXIT.done;
}

/** `satchel conflicts resolve`. */
export async function conflictResolve(context: CommandContext): Promise<number> {
  const { args, cwd, flag, home, signal, terminal } = context;
  const keep = flag('keep');
  if (keep !== 'local' && keep !== 'remote' && keep !== 'both')
    throw usageError('Say which to keep: --keep local, remote or both.', 'satchel conflicts resolve --help');
  const path = pathBelowRoot(expectRoot(readStoredConfig(home)).path, cwd, args[0] ?? '');
  await callDaemon('resolveConflict', { home, params: { path, keep }, signal });
  terminal.result({ path, keep }, `${displayText(path)}: settled, ${keep} kept.`);
  return EXIT.done;
}
