/** What the demo shows: two folders side by side, drawn again as they change, and a line that says what happens. */
import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

export interface ShownFolder {
  readonly name: string;
  readonly root: string;
}

export interface Stage extends Disposable {
  say(text: string): void;
  show(folders: readonly ShownFolder[]): void;
}

const DRAW_EVERY_MS = 60;
const HEIGHT = 14;
const FRESH_MS = 1500;
const MOST_COLUMN = 52;

interface Entry {
  readonly line: string;
  readonly key: string;
}

/** On a terminal it is drawn in place; elsewhere only what is said is printed. */
export function createStage(): Stage {
  const { stdout } = process;
  if (!stdout.isTTY)
    return { say: (text) => void stdout.write(`${text}\n`), show: () => undefined, [Symbol.dispose]: () => undefined };
  const seen = new Map<string, number>();
  let folders: readonly ShownFolder[] = [];
  let said = '';
  let drawn = 0;
  let isOver = false;

  function draw(): void {
    const lines = [...columnsOf(folders, seen), '', `  \u001b[1m${said}\u001b[0m`, ''];
    stdout.write(`${drawn > 0 ? `\u001b[${drawn}A\r` : ''}\u001b[J\u001b[?25l${lines.join('\n')}\n`);
    drawn = lines.length;
  }

  const timer = setInterval(draw, DRAW_EVERY_MS);
  return {
    say(text) {
      said = text;
      draw();
    },
    show: (next) => void (folders = next),
    [Symbol.dispose]() {
      if (isOver) return;
      isOver = true;
      clearInterval(timer);
      draw();
      stdout.write('\u001b[?25h');
    },
  };
}

function columnsOf(folders: readonly ShownFolder[], seen: Map<string, number>): readonly string[] {
  if (folders.length === 0) return [];
  const width = Math.min(MOST_COLUMN, Math.floor(((process.stdout.columns || 80) - 6) / folders.length));
  const now = performance.now();
  const columns = folders.map(({ name, root }) => {
    const entries = entriesOf(root);
    const lines = entries.slice(0, HEIGHT).map(({ key, line }) => {
      const since = seen.get(key) ?? now;
      seen.set(key, since);
      const text = fitted(line, width);
      return now - since < FRESH_MS ? `\u001b[32m${text}\u001b[0m` : text;
    });
    const empty = Array.from({ length: Math.max(0, HEIGHT - lines.length) }, () => ' '.repeat(width));
    return [`\u001b[7m${fitted(` ${name}`, width)}\u001b[0m`, ...lines, ...empty];
  });
  const [first = []] = columns;
  return ['', ...first.map((_, at) => `  ${columns.map((column) => column[at] ?? '').join('  ')}`)];
}

/** What a person would see in the folder; what vanishes while it is read is left out. */
function entriesOf(root: string, level = 0): readonly Entry[] {
  const found: Entry[] = [];
  for (const name of namesIn(root)) {
    if (name === '.satchel') continue;
    const path = join(root, name);
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat === undefined) continue;
    const indent = '  '.repeat(level);
    const size = stat.isDirectory() ? '' : `  ${sizeText(stat.size)}`;
    found.push({
      line: `${indent}${name}${stat.isDirectory() ? '/' : size}`,
      key: `${path} ${stat.mtimeMs} ${stat.size}`,
    });
    if (stat.isDirectory()) found.push(...entriesOf(path, level + 1));
  }
  return found;
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return []; // it has just been renamed or removed
  }
}

function sizeText(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 1_000_000 ? `${Math.round(bytes / 1000)} kB` : `${Math.round(bytes / 1_000_000)} MB`;
}

function fitted(text: string, width: number): string {
  const characters = [...text];
  if (characters.length <= width) return text + ' '.repeat(width - characters.length);
  return `${characters.slice(0, width - 1).join('')}…`;
}
