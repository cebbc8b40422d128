/**
 * Text of others (names of files, messages of servers) as a terminal may show it: control and format characters,
 * which could move the cursor or hide what is there, are written out. The joiners of emoji and of several scripts are
 * not among them.
 */
export function displayText(text: string): string {
  return text.replaceAll(/(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => {
    if (character === '\n') return '\\n';
    if (character === '\t') return '\\t';
    const code = character.codePointAt(0) ?? 0;
    return `\\u{${code.toString(16)}}`;
  });
}

/** Rows with aligned columns; the last one is not padded. */
export function columns(rows: readonly (readonly string[])[]): readonly string[] {
  const widths: number[] = [];
  for (const row of rows)
    for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, displayWidth(cell));
  return rows.map((row) =>
    row
      .map((cell, at) =>
        at === row.length - 1 ? cell : cell + ' '.repeat(Math.max(0, (widths[at] ?? 0) - displayWidth(cell))),
      )
      .join('  '),
  );
}

const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Extended_Pictographic}/u;

/** Columns that a text takes on a terminal, without escape sequences. */
export function displayWidth(text: string): number {
  let width = 0;
  // oxlint-disable-next-line no-control-regex
  for (const character of text.replaceAll(/\u001b\[[0-9;]*m/g, '')) {
    if (/\p{Mn}|\p{Me}|\u200c|\u200d/u.test(character)) continue;
    width += WIDE.test(character) ? 2 : 1;
  }
  return width;
}

/** Cut in the middle, so that the beginning and the extension of a path stay visible. */
export function shortened(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  const characters = [...text];
  const head: string[] = [];
  const tail: string[] = [];
  let used = 1;
  while (characters.length > 0) {
    const fromTail = tail.length * 3 < head.length * 5;
    const next = (fromTail ? characters.pop() : characters.shift()) ?? '';
    used += displayWidth(next);
    if (used > width) break;
    if (fromTail) tail.unshift(next);
    else head.push(next);
  }
  return `${head.join('')}…${tail.join('')}`;
}

/** Seconds-exact local time: `2026-11-20 08:15:04`. */
export function displayTime(ms: number): string {
  const date = new Date(ms);
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}
