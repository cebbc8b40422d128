import type { CommandContext } from '../cli/command-spec.ts';
import { COMMANDS, DELEGATED } from '../cli/command-table.ts';
import { completionScript, type Shell } from '../cli/completion.ts';
import { EXIT } from '../cli/exit-codes.ts';

/** `satchel completion`. */
export async function completion({ args, terminal }: CommandContext): Promise<number> {
  const shell = args[0] as Shell;
  const script = completionScript(shell, COMMANDS, DELEGATED);
  terminal.result({ shell, script }, script);
  return EXIT.done;
}
