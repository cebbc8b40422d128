import { readFileSync } from 'node:fs';
import { PROTOCOL_VERSION } from '@satchel/protocol/version.ts';
import type { CommandContext } from '../cli/command-spec.ts';
import { EXIT } from '../cli/exit-codes.ts';

/** `satchel version`. */
export async function version({ terminal }: CommandContext): Promise<number> {
  const file = new URL('../../package.json', import.meta.url);
  const { version: number } = JSON.parse(readFileSync(file, 'utf8')) as { version: string };
  const node = process.versions.node;
  terminal.result(
    { version: number, protocol: PROTOCOL_VERSION, node },
    `satchel ${number} (protocol ${PROTOCOL_VERSION}, Node ${node})`,
  );
  return EXIT.done;
}
