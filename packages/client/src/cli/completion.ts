import { COMMON_FLAGS, type CommandSpec } from './command-spec.ts';

export type Shell = 'bash' | 'zsh' | 'fish';

/** What may follow `satchel …` so far, from the table of commands. */
interface Node {
  /** '' for the top, else the words of a command or group. */
  readonly name: string;
  readonly words: readonly { readonly word: string; readonly help: string }[];
  readonly completes: 'files' | 'folders' | undefined;
}

function nodesOf(commands: readonly CommandSpec[], others: Readonly<Record<string, string>>): readonly Node[] {
  const shown = commands.filter(({ isHidden }) => !isHidden);
  const top = new Map<string, string>(Object.entries(others));
  const groups = new Map<string, { word: string; help: string }[]>();
  const nodes: Node[] = [];
  for (const command of shown) {
    const [first = '', second] = command.name.split(' ');
    if (!top.has(first)) top.set(first, second === undefined ? command.summary : `${first} …`);
    if (second !== undefined) {
      const group = groups.get(first) ?? [];
      group.push({ word: second, help: command.summary });
      groups.set(first, group);
    }
    const flags = [...(command.flags ?? []), ...COMMON_FLAGS].map(({ name, help }) => ({ word: `--${name}`, help }));
    const choices = (command.args ?? []).flatMap((arg) => arg.choices ?? []).map((word) => ({ word, help: '' }));
    const completes = command.args?.find((arg) => arg.completes !== undefined)?.completes;
    nodes.push({ name: command.name, words: [...choices, ...flags], completes });
  }
  for (const [name, words] of groups) nodes.push({ name, words, completes: undefined });
  const first = [...top].map(([word, help]) => ({ word, help }));
  return [{ name: '', words: first, completes: undefined }, ...nodes];
}

export function completionScript(
  shell: Shell,
  commands: readonly CommandSpec[],
  others: Readonly<Record<string, string>>,
): string {
  const nodes = nodesOf(commands, others);
  if (shell === 'bash') return bash(nodes);
  return shell === 'zsh' ? zsh(nodes) : fish(nodes);
}

function bash(nodes: readonly Node[]): string {
  const cases = nodes
    .filter(({ name }) => name !== '')
    .map(({ name, words, completes }) => {
      const list = words.map(({ word }) => word).join(' ');
      return `    '${name}') words='${list}'; files='${completes ?? ''}' ;;`;
    });
  const top = nodes[0]?.words.map(({ word }) => word).join(' ') ?? '';
  return `# satchel completion for bash: eval "$(satchel completion bash)"
_satchel() {
  local current=\${COMP_WORDS[COMP_CWORD]} word key= words='${top}' files=
  local before=("\${COMP_WORDS[@]:1:COMP_CWORD-1}")
  for word in "\${before[@]}"; do
    case $word in -*) continue ;; esac
    case "\${key:+$key }$word" in
${nodes
  .filter(({ name }) => name !== '')
  .map(({ name }) => `      '${name}') key='${name}' ;;`)
  .join('\n')}
    esac
  done
  case $key in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  case $files in
    files) COMPREPLY+=($(compgen -f -- "$current")); compopt -o filenames ;;
    folders) COMPREPLY+=($(compgen -d -- "$current")); compopt -o filenames ;;
  esac
}
complete -F _satchel satchel`;
}

const quoted = (text: string): string => text.replaceAll("'", "'\\''");

function zsh(nodes: readonly Node[]): string {
  const entry = ({ word, help }: Node['words'][number]): string =>
    `'${quoted(word.replaceAll(':', '\\:'))}${help === '' ? '' : `:${quoted(help)}`}'`;
  const cases = nodes
    .filter(({ name }) => name !== '')
    .map(({ name, words, completes }) => {
      const files = completes === undefined ? '' : `; files='${completes}'`;
      return `    '${name}') words_=(${words.map(entry).join(' ')})${files} ;;`;
    });
  return `#compdef satchel
# satchel completion for zsh: eval "$(satchel completion zsh)"
_satchel() {
  local word key= files= at
  local -a words_
  words_=(${(nodes[0]?.words ?? []).map(entry).join(' ')})
  for ((at = 2; at < CURRENT; at++)); do
    word=$words[at]
    [[ $word == -* ]] && continue
    case "\${key:+$key }$word" in
${nodes
  .filter(({ name }) => name !== '')
  .map(({ name }) => `      '${name}') key='${name}' ;;`)
  .join('\n')}
    esac
  done
  case $key in
${cases.join('\n')}
  esac
  _describe -t commands satchel words_
  case $files in
    files) _files ;;
    folders) _files -/ ;;
  esac
}
compdef _satchel satchel`;
}

function fish(nodes: readonly Node[]): string {
  const lines = nodes.flatMap(({ name, words, completes }) => {
    const condition = `__satchel_at ${name === '' ? "''" : `'${name}'`}`;
    const offers = words.map(({ word, help }) => {
      const what = word.startsWith('--') ? `-l ${word.slice(2)}` : `-a '${quoted(word)}'`;
      return `complete -c satchel -n "${condition}" ${what}${help === '' ? '' : ` -d '${quoted(help)}'`}`;
    });
    if (completes === undefined) return offers;
    const files = completes === 'folders' ? '(__fish_complete_directories)' : '(__fish_complete_path)';
    return [...offers, `complete -c satchel -n "${condition}" -a '${files}'`];
  });
  const names = nodes.map(({ name }) => name).filter((name) => name !== '');
  return `# satchel completion for fish: satchel completion fish | source
function __satchel_at
  set -l key ''
  set -l tokens (commandline -opc)
  for word in $tokens[2..-1]
    string match -q -- '-*' $word; and continue
    set -l longer (string trim -- "$key $word")
    contains -- $longer ${names.map((name) => `'${name}'`).join(' ')}; and set key $longer
  end
  test "$key" = "$argv[1]"
end
complete -c satchel -f
${lines.join('\n')}`;
}
