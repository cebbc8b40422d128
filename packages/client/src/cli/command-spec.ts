import type { Env } from '../config.ts';
import type { Terminal } from './terminal.ts';

export interface FlagSpec {
  readonly name: string;
  readonly short?: string;
  /** What stands for the value in the help; absent: the flag takes none. */
  readonly value?: string;
  readonly help: string;
  readonly choices?: readonly string[];
}

export interface ArgumentSpec {
  /** As in the help: `PATH`. */
  readonly name: string;
  readonly optional?: boolean;
  /** Takes all that follow. Only the last argument. */
  readonly many?: boolean;
  readonly choices?: readonly string[];
  /** What a shell offers. Default: nothing. */
  readonly completes?: 'files' | 'folders';
}

/** What a command is given. */
export interface CommandContext {
  readonly args: readonly string[];
  /** The value of a flag: of the command line, else of its variable. */
  readonly flag: (name: string) => string | undefined;
  readonly isSet: (name: string) => boolean;
  readonly terminal: Terminal;
  /** SATCHEL_HOME. It may not exist yet. */
  readonly home: string;
  readonly env: Env;
  readonly cwd: string;
  /** Aborted by SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
}

/** Resolves with the exit code; throws CommandError, or what `cli/failure.ts` knows. */
export type Run = (context: CommandContext) => Promise<number>;

export interface CommandSpec {
  /** One or two words: `held accept`. */
  readonly name: string;
  readonly summary: string;
  readonly args?: readonly ArgumentSpec[];
  readonly flags?: readonly FlagSpec[];
  /** Run when its group is called without a second word. */
  readonly isDefault?: boolean;
  /** Called by other processes only; not in help and completion. */
  readonly isHidden?: boolean;
  /** How long it may take to end after a signal. */
  readonly endsWithinMs?: number;
  readonly load: () => Promise<Run>;
}

/** Taken by every command. */
export const COMMON_FLAGS: readonly FlagSpec[] = [
  { name: 'json', help: 'print data as JSON' },
  { name: 'quiet', short: 'q', help: 'no messages and no progress' },
  { name: 'verbose', short: 'v', help: 'more messages' },
  { name: 'home', value: 'DIR', help: 'where this device keeps its state' },
  { name: 'help', short: 'h', help: 'show help' },
];
