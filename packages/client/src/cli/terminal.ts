import { isatty } from 'node:tty';
import type { Env } from '../config.ts';

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

const CODES: Readonly<Record<Style, readonly [number, number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
};

/** Where a command writes: data on stdout, messages on stderr. */
export interface Terminal {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  /** stderr is a terminal, and progress is wanted. */
  readonly showsProgress: boolean;
  /** A person can be asked. */
  readonly canAsk: boolean;
  /** The result of a command: `value` as a line of JSON, or `text` for people (nothing when undefined). */
  result(value: unknown, text: string | undefined): void;
  /** Bytes of a file, as they are. Resolves when more may come. */
  bytes(bytes: Uint8Array): Promise<void> | undefined;
  /** A message for people. */
  say(text: string): void;
  /** Only with -v. */
  detail(text: string): void;
  /** Shown also with --quiet: what is wrong. */
  warn(text: string): void;
  /** Written to stderr as it is; for progress. */
  raw(text: string): void;
  width(): number;
  /** For stdout. */
  style(style: Style, text: string): string;
}

export interface TerminalOptions {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly env: Env;
}

export function createTerminal({ json, quiet, verbose, env }: TerminalOptions): Terminal {
  const { stdout, stderr } = process;
  const noColor = env['NO_COLOR'] !== undefined && env['NO_COLOR'] !== '';
  const colored = !noColor && env['TERM'] !== 'dumb' && stdout.isTTY;
  const line = (text: string): void => void stderr.write(`${text}\n`);
  return {
    json,
    quiet,
    verbose,
    showsProgress: stderr.isTTY && !quiet && !json && env['TERM'] !== 'dumb',
    // Not process.stdin: making that stream takes blocking from a pipe that a command wants to read.
    canAsk: isatty(0) && stderr.isTTY,
    result(value, text) {
      if (json) stdout.write(`${JSON.stringify(value)}\n`);
      else if (text !== undefined && text !== '') stdout.write(`${text}\n`);
    },
    bytes(bytes) {
      if (stdout.write(bytes)) return undefined;
      return new Promise((resolve) => stdout.once('drain', resolve));
    },
    say: (text) => {
      if (!quiet && !json) line(text);
    },
    detail: (text) => {
      if (verbose) line(text);
    },
    warn: line,
    raw: (text) => void stderr.write(text),
    width: () => stderr.columns || 80,
    style: (style, text) => (colored ? `\u001b[${CODES[style][0]}m${text}\u001b[${CODES[style][1]}m` : text),
  };
}
