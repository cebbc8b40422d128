import { variableOf } from '../config.ts';
import { COMMON_FLAGS, type CommandSpec, type FlagSpec } from './command-spec.ts';
import { COMMAND_GROUPS, DELEGATED } from './command-table.ts';

export function usageOf({ name, args = [], flags = [] }: CommandSpec): string {
  const words = args.map(({ name: word, optional, many, choices }) => {
    const shown = `${choices?.join('|') ?? word}${many ? '…' : ''}`;
    return optional ? `[${shown}]` : shown;
  });
  return ['satchel', name, ...(flags.length > 0 ? ['[flags]'] : []), ...words].join(' ');
}

/** `satchel --help`. */
export function overview(): string {
  const width = 22;
  const line = (name: string, summary: string): string => `  ${name.padEnd(width)} ${summary}`;
  const groups = COMMAND_GROUPS.map(({ title, commands }) => {
    const lines = commands.filter(({ isHidden }) => !isHidden).map(({ name, summary }) => line(name, summary));
    return `${title}\n${lines.join('\n')}`;
  });
  const server = Object.entries(DELEGATED).map(([name, summary]) => line(name, summary));
  return [
    'Usage: satchel COMMAND [flags] [arguments]',
    `Server\n${server.join('\n')}`,
    ...groups,
    `For every command\n${flagLines(COMMON_FLAGS)}`,
    'More: satchel COMMAND --help',
  ].join('\n\n');
}

/** `satchel held --help`. */
export function groupHelp(name: string, commands: readonly CommandSpec[]): string {
  const lines = commands.map((command) => `  ${usageOf(command).padEnd(46)} ${command.summary}`);
  return `Usage: satchel ${name} COMMAND\n\n${lines.join('\n')}`;
}

export function commandHelp(command: CommandSpec): string {
  const own = command.flags ?? [];
  return [
    `Usage: ${usageOf(command)}`,
    `${command.summary[0]?.toUpperCase() ?? ''}${command.summary.slice(1)}.`,
    ...(own.length > 0 ? [flagLines(own)] : []),
    `For every command\n${flagLines(COMMON_FLAGS)}`,
  ].join('\n\n');
}

function flagLines(flags: readonly FlagSpec[]): string {
  return flags
    .map((flag) => {
      const { name, short, value, help, choices } = flag;
      const shown = `${short === undefined ? '    ' : `-${short}, `}--${name}${value === undefined ? '' : ` ${choices?.join('|') ?? value}`}`;
      const variable = name === 'help' ? '' : `  [${variableOf(name)}]`;
      return `  ${shown.padEnd(30)} ${help}${variable}`;
    })
    .join('\n');
}
