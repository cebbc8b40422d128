import { z } from 'zod';
import type { CommandContext } from '../cli/command-spec.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { ErrorOutput, OUTPUTS, STREAMS } from '../cli/output-schemas.ts';

/** `satchel schema`: JSON Schema of what `--json` prints, by command, and of its errors. */
export async function schema({ terminal }: CommandContext): Promise<number> {
  const commands = Object.entries(OUTPUTS).map(([name, output]) => [
    name,
    { perLine: STREAMS.has(name), schema: z.toJSONSchema(output, { io: 'output' }) },
  ]);
  const value = { error: z.toJSONSchema(ErrorOutput), commands: Object.fromEntries(commands) };
  terminal.result(value, JSON.stringify(value, undefined, 2));
  return EXIT.done;
}
