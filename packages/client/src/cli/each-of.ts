import type { CommandContext } from './command-spec.ts';
import { CommandError } from './command-error.ts';
import { EXIT } from './exit-codes.ts';
import { failureOf, failureText, type Failure } from './failure.ts';

/** What came of doing the same to several things. */
export interface Several {
  /** Nothing went through, and what had to be said is said by `end`. */
  readonly hasFailed: boolean;
  /** Throws the failure when there was one; with the code for "partly done" when others went through. */
  end(): void;
}

/** With these the next one would fail as well. */
const HOPELESS: ReadonlySet<number> = new Set([EXIT.signIn, EXIT.tryAgain]);

/** Does the same to each argument; one that fails does not stop the others. */
export async function eachOf(
  { args, signal, terminal }: Pick<CommandContext, 'args' | 'signal' | 'terminal'>,
  work: (argument: string) => Promise<void>,
): Promise<Several> {
  const failures: Failure[] = [];
  let done = 0;
  for (const argument of args) {
    try {
      await work(argument);
      done++;
    } catch (error) {
      if (signal.aborted) throw error;
      const failure = await failureOf(error);
      failures.push(failure);
      if (HOPELESS.has(failure.exit)) break;
    }
  }
  return {
    hasFailed: done === 0 && failures.length > 0,
    end() {
      const [first, ...others] = failures;
      if (first === undefined) return;
      if (!terminal.json) for (const other of others) terminal.warn(failureText(other));
      const { code, message, next } = first;
      const text = args.length === 1 ? message : `${message} (${args.length - done} of ${args.length} not done)`;
      throw new CommandError(code, done === 0 ? first.exit : EXIT.partly, text, next === undefined ? {} : { next });
    },
  };
}
