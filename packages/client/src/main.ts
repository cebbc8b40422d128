import { homeOf, type Env } from './config.ts';
import { COMMANDS, DELEGATED } from './cli/command-table.ts';
import type { CommandContext, CommandSpec } from './cli/command-spec.ts';
import { EXIT } from './cli/exit-codes.ts';
import { failureJson, failureOf, failureText, InterruptedError, shellWord, type Failure } from './cli/failure.ts';
import { usageError } from './cli/command-error.ts';
import { findCommand, parseCommand, type Found } from './cli/parse.ts';
import { createTerminal, type Terminal } from './cli/terminal.ts';

/** What does not end of itself within this time after the signal is left behind. */
const ENDS_WITHIN_MS = 2_000;

/**
 * The command line. `bin/satchel` calls it with what stands after its name.
 * @returns the exit code
 */
export async function main(argv: readonly string[]): Promise<number> {
  const [first = '', ...rest] = argv;
  if (Object.hasOwn(DELEGATED, first)) return delegate(first, rest);
  const env: Env = process.env;
  const wantsJson = argv.includes('--json') || /^(?:true|1|on|yes)$/i.test(env['SATCHEL_JSON'] ?? '');
  try {
    return await run(argv, env);
  } catch (error) {
    const failure = withNext(await failureOf(error), argv);
    process.stderr.write(`${wantsJson ? failureJson(failure) : failureText(failure)}\n`);
    const wantsStack = failure.code === 'internal' && (argv.includes('-v') || argv.includes('--verbose'));
    if (wantsStack && error instanceof Error) process.stderr.write(`${error.stack ?? ''}\n`);
    // Something that cannot be called off (a read of a terminal) must not keep an interrupted command alive.
    if (error instanceof InterruptedError) process.exit(failure.exit);
    return failure.exit;
  }
}

/** What to type where the failure itself does not say: how the command is used, or once more the same. */
function withNext(failure: Failure, argv: readonly string[]): Failure {
  const { code, exit, next } = failure;
  if (next !== undefined || code === 'interrupted') return failure;
  const words = argv.slice(0, 2).filter((word) => /^[a-z]+$/.test(word));
  const name = [words.join(' '), words[0]].find((one) => COMMANDS.some((command) => command.name === one));
  if (exit === EXIT.usage) return { ...failure, next: `satchel ${name === undefined ? '' : `${name} `}--help` };
  const again = ['satchel', ...argv].map(shellWord).join(' ');
  return exit === EXIT.tryAgain && again.length <= LONGEST_AGAIN ? { ...failure, next: again } : failure;
}

/** A longer command is not shown again. */
const LONGEST_AGAIN = 300;

/** The server's commands read flags, variables and files of their own. */
async function delegate(command: string, argv: readonly string[]): Promise<number> {
  const { serve, admin } = await import('@satchel/server/main.ts');
  return command === 'serve' ? serve(argv) : admin(argv);
}

async function run(argv: readonly string[], env: Env): Promise<number> {
  if (argv[0] === '--version') return run(['version', ...argv.slice(1)], env);
  const found = findCommand(COMMANDS, argv[0] === 'help' ? [...argv.slice(1), '--help'] : argv);
  if (found.found !== 'command') {
    const asked = argv.includes('--help') || argv.includes('-h') || argv[0] === 'help';
    if (!asked && argv.includes('--json')) throw incomplete(found);
    const { overview, groupHelp } = await import('./cli/help.ts');
    const text = found.found === 'nothing' ? overview() : groupHelp(found.name, found.commands);
    (asked ? process.stdout : process.stderr).write(`${text}\n`);
    return asked ? EXIT.done : EXIT.usage;
  }
  const { command, rest } = found;
  const { args, flags } = parseCommand(command, rest, env);
  if (flags.has('help')) return showHelp(command, rest);
  const home = flags.get('home');
  const terminal = createTerminal({
    json: flags.has('json'),
    quiet: flags.has('quiet'),
    verbose: flags.has('verbose'),
    env,
  });
  leaveWhenNobodyReads();
  const work = await command.load();
  const { endsWithinMs = ENDS_WITHIN_MS } = command;
  return withSignals({ terminal, endsWithinMs }, (signal) =>
    work({
      args,
      flag: (name) => flags.get(name),
      isSet: (name) => flags.has(name),
      terminal,
      home: homeOf(home === undefined ? env : { ...env, SATCHEL_HOME: home }),
      env,
      cwd: process.cwd(),
      signal,
    } satisfies CommandContext),
  );
}

function incomplete(found: Exclude<Found, { found: 'command' }>): Error {
  if (found.found === 'nothing') return usageError('Which command?');
  const words = found.commands.map(({ name }) => name.slice(found.name.length + 1)).join(', ');
  return usageError(`"satchel ${found.name}" needs a second word: ${words}.`, `satchel ${found.name} --help`);
}

async function showHelp(command: CommandSpec, rest: readonly string[]): Promise<number> {
  const { commandHelp, groupHelp } = await import('./cli/help.ts');
  const group = command.name.split(' ')[0] ?? '';
  // `held --help` means the group and not its default command.
  const isGroup = command.isDefault === true && rest.every((word) => word.startsWith('-'));
  const members = COMMANDS.filter(({ name }) => name.startsWith(`${group} `));
  process.stdout.write(`${isGroup ? groupHelp(group, members) : commandHelp(command)}\n`);
  return EXIT.done;
}

/** `satchel ls | head -1`: the reader has enough. */
function leaveWhenNobodyReads(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(EXIT.done);
  });
}

interface Ending {
  readonly terminal: Terminal;
  readonly endsWithinMs: number;
}

async function withSignals(
  { terminal, endsWithinMs }: Ending,
  work: (signal: AbortSignal) => Promise<number>,
): Promise<number> {
  const controller = new AbortController();
  const exits = { SIGINT: EXIT.interrupted, SIGTERM: 143, SIGHUP: 129 } as const;
  const stop = (signal: keyof typeof exits): void => {
    if (controller.signal.aborted) process.exit(exits[signal]);
    terminal.detail(`satchel: ${signal}`);
    controller.abort(new InterruptedError(exits[signal]));
  };
  const names = Object.keys(exits) as (keyof typeof exits)[];
  for (const name of names) process.on(name, stop);
  const { promise: tooLate, reject } = Promise.withResolvers<never>();
  const { signal } = controller;
  let giveUp: NodeJS.Timeout | undefined;
  const aborted = (): void => {
    giveUp = setTimeout(() => reject(signal.reason), endsWithinMs);
  };
  signal.addEventListener('abort', aborted, { once: true });
  try {
    return await Promise.race([work(signal), tooLate]);
  } catch (error) {
    throw signal.aborted && isAbort(error) ? signal.reason : error;
  } finally {
    clearTimeout(giveUp);
    for (const name of names) process.off(name, stop);
  }
}

/** As Node's own functions say that they were called off. */
function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}
