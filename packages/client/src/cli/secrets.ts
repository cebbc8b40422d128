import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { CommandError, usageError } from './command-error.ts';
import { EXIT } from './exit-codes.ts';
import type { Terminal } from './terminal.ts';

const MOST_BYTES = 4096;

/** A line that a person types. An error where nobody can be asked. */
export async function askFor(terminal: Terminal, question: string, signal: AbortSignal): Promise<string> {
  expectSomebody(terminal, question);
  const reader = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return (await reader.question(`${question}: `, { signal })).trim();
  } finally {
    reader.close();
  }
}

/** The first line of a file, of stdin for `-`, or what is typed without being shown. */
export async function readPassword(
  terminal: Terminal,
  file: string | undefined,
  { twice, signal }: { readonly twice: boolean; readonly signal: AbortSignal },
): Promise<string> {
  if (file !== undefined) return readSecret(file, 'password');
  const password = await askHidden(terminal, 'Password', signal);
  if (twice && (await askHidden(terminal, 'The same again', signal)) !== password)
    throw usageError('The two passwords differ.');
  return password;
}

/** The first line of a file, of stdin for `-`. */
export function readSecret(file: string, what: 'password' | 'invitation'): string {
  const text = readFileSync(file === '-' ? 0 : file, 'utf8');
  if (text.length > MOST_BYTES) throw usageError(`${file} is too long for a ${what}.`);
  const line = text.split(/\r?\n/)[0] ?? '';
  if (line === '') throw usageError(`${file === '-' ? 'stdin' : file} holds no ${what}.`);
  return line;
}

async function askHidden(terminal: Terminal, question: string, signal: AbortSignal): Promise<string> {
  expectSomebody(terminal, question, '--password-file FILE');
  process.stderr.write(`${question}: `);
  const silent = new Writable({ write: (_bytes, _encoding, done) => done() });
  const reader = createInterface({ input: process.stdin, output: silent, terminal: true });
  try {
    return await reader.question('', { signal });
  } finally {
    reader.close();
    process.stderr.write('\n');
  }
}

function expectSomebody(terminal: Terminal, question: string, flag?: string): void {
  if (terminal.canAsk) return;
  const how = flag === undefined ? 'a flag' : flag;
  throw new CommandError('usage', EXIT.usage, `${question}: nobody can be asked without a terminal; give ${how}.`);
}
