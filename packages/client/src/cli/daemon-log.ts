import { appendFileSync, renameSync, statSync } from 'node:fs';

/** What the daemon tells of itself: a sentence, and data about it. */
export type DaemonLog = (message: string, details?: Readonly<Record<string, unknown>>) => void;

const MOST_BYTES = 5 * 1024 * 1024;
const KEPT = 3;

/** To a file with rotation (`daemon.log`, `.1`, `.2`, `.3`), or to stderr. */
export function createDaemonLog(file: string | undefined): DaemonLog {
  if (file === undefined) return (message, details) => void process.stderr.write(lineOf(message, details));
  let size = sizeOf(file);
  return (message, details) => {
    const line = lineOf(message, details);
    if (size > MOST_BYTES) {
      rotate(file);
      size = 0;
    }
    size += line.length;
    appendFileSync(file, line, { mode: 0o600 });
  };
}

/** Moves a log that has grown too long out of the way. */
export function rotateIfLong(file: string): void {
  if (sizeOf(file) > MOST_BYTES) rotate(file);
}

function rotate(file: string): void {
  for (let number = KEPT - 1; number >= 0; number--) {
    const from = number === 0 ? file : `${file}.${number}`;
    if (sizeOf(from) > 0) renameSync(from, `${file}.${number + 1}`);
  }
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

function lineOf(message: string, details: Readonly<Record<string, unknown>> = {}): string {
  const words = Object.keys(details).length === 0 ? '' : ` ${JSON.stringify(details, plain)}`;
  return `${new Date().toISOString()} ${message.replaceAll('\n', ' ')}${words}\n`;
}

function plain(_key: string, value: unknown): unknown {
  if (value instanceof Error) {
    const { code, cause } = value as Error & { code?: unknown };
    return {
      name: value.name,
      message: value.message,
      ...(code === undefined ? {} : { code }),
      ...(cause === undefined ? {} : { cause }),
      stack: value.stack,
    };
  }
  return typeof value === 'bigint' ? value.toString() : value;
}
