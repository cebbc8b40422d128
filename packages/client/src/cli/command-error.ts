import { EXIT } from './exit-codes.ts';

export interface CommandErrorExtra {
  /** What to type next. */
  readonly next?: string;
  readonly cause?: unknown;
}

/** Ends a command. The message names the thing and the reason. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  /** For `--json`: of the protocol's error table where it fits, else a word of the command line's own. */
  readonly code: string;
  readonly exit: number;
  readonly next: string | undefined;

  constructor(code: string, exit: number, message: string, extra: CommandErrorExtra = {}) {
    super(message, extra.cause === undefined ? undefined : { cause: extra.cause });
    this.code = code;
    this.exit = exit;
    this.next = extra.next;
  }
}

export function usageError(message: string, next?: string): CommandError {
  return new CommandError('usage', EXIT.usage, message, next === undefined ? {} : { next });
}
