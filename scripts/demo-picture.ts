/**
 * Makes docs/demo.svg from a recording of `npm run demo`: the last picture of each scene, one after the other.
 *
 *     script -qec "npm run demo" demo.typescript && node scripts/demo-picture.ts demo.typescript
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const FILE = join(import.meta.dirname, '../docs/demo.svg');
const LINE_PX = 20;
const COLUMN_PX = 8.4;
const MARGIN_PX = 16;
const SCENE_S = 2;
const ESCAPE = String.fromCodePoint(27);
/** Control sequences of a terminal (ECMA-48). */
const CONTROL = new RegExp(`${ESCAPE}\\[[0-9;?]*[A-Za-z]`, 'g');
const PARTS = new RegExp(`(${ESCAPE}\\[[0-9;?]*[A-Za-z])`);
const BACK_TO_TOP = new RegExp(`${ESCAPE}\\[\\d+A[^]*$`);

const STYLE = `
text{font:14px ui-monospace,Menlo,Consolas,monospace;fill:#d7dae0;white-space:pre}
.b{font-weight:700;fill:#fff}.f{fill:#7f8896}
g{opacity:0;animation:show ALLs infinite step-end}g:last-of-type{opacity:1}
@keyframes show{0%{opacity:1}SHARE%,100%{opacity:0}}
`;

/** The lines of the last picture of each scene; a scene is told by its last line. */
function scenesOf(recording: string): readonly (readonly string[])[] {
  const scenes: { readonly title: string; readonly lines: readonly string[] }[] = [];
  for (const picture of recording.split(`${ESCAPE}[J`).slice(1)) {
    const lines = picture.replaceAll('\r', '').replace(BACK_TO_TOP, '').split('\n');
    while (plain(lines.at(-1) ?? 'x').trim() === '') lines.pop();
    const title = plain(lines.at(-1) ?? '').trim();
    if (lines.length < 4 || title.startsWith('Script ')) continue;
    if (scenes.at(-1)?.title === title) scenes.pop();
    scenes.push({ title, lines });
  }
  return scenes.map(({ lines }) => lines);
}

function plain(line: string): string {
  return line.replaceAll(CONTROL, '');
}

/** A line as SVG spans: bold and faint are kept, other control sequences dropped. */
function spansOf(line: string): string {
  let style = '';
  return line
    .split(PARTS)
    .map((part) => {
      if (!part.startsWith(ESCAPE)) return part === '' ? '' : `<tspan${style}>${escaped(part)}</tspan>`;
      const isBold = part === `${ESCAPE}[1m` || part === `${ESCAPE}[7m`;
      style = isBold ? ' class="b"' : part === `${ESCAPE}[2m` ? ' class="f"' : '';
      return '';
    })
    .join('');
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

export function pictureOf(recording: string): string {
  const scenes = scenesOf(recording);
  const rows = Math.max(...scenes.map((lines) => lines.length));
  const columns = Math.max(...scenes.flat().map((line) => plain(line).trimEnd().length));
  const width = Math.round(columns * COLUMN_PX + 2 * MARGIN_PX);
  const height = rows * LINE_PX + 2 * MARGIN_PX;
  const groups = scenes.map((lines, at) => {
    const texts = lines.map((line, row) =>
      plain(line).trim() === ''
        ? ''
        : `<text x="${MARGIN_PX}" y="${MARGIN_PX + (row + 0.75) * LINE_PX}">${spansOf(line.trimEnd())}</text>`,
    );
    return `<g style="animation-delay:${(at - scenes.length) * SCENE_S}s">${texts.join('')}</g>`;
  });
  const style = STYLE.replace('SHARE', (100 / scenes.length).toFixed(3)).replace(
    'ALL',
    String(scenes.length * SCENE_S),
  );
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">` +
    `<title>npm run demo: two folders that stay the same</title><style>${style}</style>` +
    `<rect width="100%" height="100%" rx="8" fill="#16181d"/>${groups.join('\n')}</svg>\n`
  );
}

if (import.meta.main) {
  const [, , recording = 'demo.typescript'] = process.argv;
  writeFileSync(FILE, pictureOf(readFileSync(recording, 'utf8')));
}
