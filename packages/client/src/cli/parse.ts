import { parseArgs } from 'node:util';
import { variableOf, type Env } from '../config.ts';
import { usageError } from './command-error.ts';
import { COMMON_FLAGS, type CommandSpec, type FlagSpec } from './command-spec.ts';

export interface Invocation {
  readonly command: CommandSpec;
  readonly args: readonly string[];
  /** Flags as they hold: of the command line over those of the environment. Set ones without a value are 'true'. */
  readonly flags: ReadonlyMap<string, string>;
}

/** What a command line asks for, before its arguments are looked at. */
export type Found =
  | { readonly found: 'command'; readonly command: CommandSpec; readonly rest: readonly string[] }
  | { readonly found: 'group'; readonly name: string; readonly commands: readonly CommandSpec[] }
  | { readonly found: 'nothing' };

/** Common flags may stand before the command: `satchel --json status`. */
export function findCommand(commands: readonly CommandSpec[], argv: readonly string[]): Found {
  const { before, words } = splitLeadingFlags(argv);
  const [first, second] = words;
  if (first === undefined) return { found: 'nothing' };
  const command = (name: string, used: number): Found | undefined => {
    const found = commands.find((one) => one.name === name);
    return found && { found: 'command', command: found, rest: [...before, ...words.slice(used)] };
  };
  const exact = (second === undefined ? undefined : command(`${first} ${second}`, 2)) ?? command(first, 1);
  if (exact !== undefined) return exact;
  const group = commands.filter(({ name }) => name.startsWith(`${first} `));
  if (group.length === 0) throw unknownCommand(commands, first);
  const main = group.find(({ isDefault }) => isDefault);
  const hasSubcommand = second !== undefined && !second.startsWith('-');
  if (main !== undefined && !hasSubcommand)
    return { found: 'command', command: main, rest: [...before, ...words.slice(1)] };
  if (hasSubcommand) throw usageError(`"satchel ${first}" has no "${second}".`, `satchel ${first} --help`);
  return { found: 'group', name: first, commands: group };
}

function splitLeadingFlags(argv: readonly string[]): { before: readonly string[]; words: readonly string[] } {
  let at = 0;
  while (argv[at]?.startsWith('-')) {
    const flag = COMMON_FLAGS.find(({ name }) => argv[at] === `--${name}`);
    at += flag?.value === undefined ? 1 : 2;
  }
  return { before: argv.slice(0, at), words: argv.slice(at) };
}

function unknownCommand(commands: readonly CommandSpec[], word: string): Error {
  const names = [...new Set(commands.map(({ name }) => name.split(' ')[0] ?? ''))];
  const near = names.find((name) => distance(name, word) <= Math.max(1, Math.floor(word.length / 3)));
  const hint = near === undefined ? '' : ` Did you mean "${near}"?`;
  return usageError(`There is no command "${word}".${hint}`, 'satchel --help');
}

/** Edits between two words (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1];
    for (const [j, other] of [...b].entries())
      next.push(Math.min((next[j] ?? 0) + 1, (row[j + 1] ?? 0) + 1, (row[j] ?? 0) + (letter === other ? 0 : 1)));
    row = next;
  }
  return row[b.length] ?? 0;
}

/** Reads what stands after the command's name. Throws CommandError (usage). */
export function parseCommand(command: CommandSpec, rest: readonly string[], env: Env): Invocation {
  const specs = [...COMMON_FLAGS, ...(command.flags ?? [])];
  const { values, positionals } = parsed(command, specs, rest);
  const flags = new Map<string, string>();
  for (const spec of specs) {
    const given = values[spec.name] ?? fromEnvironment(spec, env);
    if (given === undefined || given === false) continue;
    const text = String(given);
    if (spec.choices !== undefined && !spec.choices.includes(text))
      throw usageError(`--${spec.name}: "${text}" is not one of ${spec.choices.join(', ')}.`);
    flags.set(spec.name, text);
  }
  if (!flags.has('help')) checkArguments(command, positionals);
  return { command, args: positionals, flags };
}

function parsed(command: CommandSpec, specs: readonly FlagSpec[], rest: readonly string[]) {
  const options = Object.fromEntries(
    specs.map(({ name, short, value }) => [
      name,
      { type: value === undefined ? ('boolean' as const) : ('string' as const), ...(short ? { short } : {}) },
    ]),
  );
  try {
    return parseArgs({ args: [...rest], options, allowPositionals: true, strict: true });
  } catch (error) {
    const message = (error as Error).message.split(/\. (?=[A-Z])|\n/)[0] ?? 'A flag cannot be understood';
    throw usageError(`${message.replace(/\.$/, '')}.`, `satchel ${command.name} --help`);
  }
}

/** Asking for help is the one flag that a variable does not set. */
function fromEnvironment({ name, value }: FlagSpec, env: Env): string | boolean | undefined {
  const variable = variableOf(name);
  const text = env[variable];
  if (text === undefined || text === '' || name === 'help') return undefined;
  if (value !== undefined) return text;
  if (/^(?:true|1|on|yes)$/i.test(text)) return true;
  if (/^(?:false|0|off|no)$/i.test(text)) return false;
  throw usageError(`${variable}: "${text}" is neither on nor off.`);
}

function checkArguments(command: CommandSpec, positionals: readonly string[]): void {
  const specs = command.args ?? [];
  const next = `satchel ${command.name} --help`;
  const missing = specs.find(({ optional }, at) => optional !== true && at >= positionals.length);
  if (missing !== undefined) throw usageError(`"satchel ${command.name}" needs ${missing.name}.`, next);
  const takesMany = specs.at(-1)?.many === true;
  const extra = takesMany ? undefined : positionals[specs.length];
  if (extra !== undefined) throw usageError(`"satchel ${command.name}" does not take "${extra}".`, next);
  for (const [at, { name, choices }] of specs.entries()) {
    const given = positionals[at];
    if (given !== undefined && choices !== undefined && !choices.includes(given))
      throw usageError(`${name}: "${given}" is not one of ${choices.join(', ')}.`, next);
  }
}
