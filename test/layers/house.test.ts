import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { test } from 'node:test';
import { sourcesBelow } from './imports.ts';

const ROOT = join(import.meta.dirname, '../..');
const MOST_LINES = 400;

/** What git does not keep, or what no person wrote. */
const SKIPPED = new Set(['node_modules', '.git', 'dist', '.cache', 'package-lock.json']);

function committedFiles(folder = ROOT): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (SKIPPED.has(entry.name) || entry.name.endsWith('.log')) return [];
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return committedFiles(path);
    return entry.isFile() ? [path] : [];
  });
}

/** Addresses of the machine that the code was written on. Not `./work/` and not `~/work/`. */
const MACHINE_PATH = /(?<![\w.@)}*$~<>-])\/(?:work|root)\/[\w.-]+/g;

export function machinePathsIn(text: string): string[] {
  return [...text.matchAll(MACHINE_PATH)].map(([found]) => found);
}

test('house: no source is longer than 400 lines', async () => {
  const sources = (
    await Promise.all(['packages', 'test', 'bench', 'scripts'].map((at) => sourcesBelow(ROOT, at)))
  ).flat();
  assert.ok(sources.length >= 450, `only ${sources.length} sources were read`);
  const long = sources.filter(({ lines }) => lines > MOST_LINES).map(({ file, lines }) => `${file}: ${lines} lines`);
  assert.deepEqual(long, []);
  assert.ok(
    sources.some(({ lines }) => lines > MOST_LINES / 2),
    'the lines were not counted',
  );
});

test('house: no file names a path of somebody’s machine', () => {
  const files = committedFiles();
  assert.ok(files.length >= 500, `only ${files.length} files were read`);
  const found = files.flatMap((path) =>
    machinePathsIn(readFileSync(path, 'utf8')).map((named) => `${relative(ROOT, path)}: ${named}`),
  );
  assert.deepEqual(found, []);
});

test('house: a path of a machine is recognised, and the paths of the project are not', () => {
  const [work, root] = [
    ['', 'work', 'main'],
    ['', 'root', '.npm'],
  ].map((parts) => parts.join('/'));
  assert.deepEqual(machinePathsIn(`cd ${work} && ls '${root}'`), [work, root]);
  assert.deepEqual(machinePathsIn('./work/schedule.ts server/src/work/worker.ts ~/work/x /api/v1 $HOME/root/x'), []);
});

/** Targets of relative links in a Markdown text. */
function linksIn(text: string): string[] {
  const prose = text.replaceAll(/^```[\s\S]*?^```/gm, '');
  return [...prose.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)]
    .map((match) => match[1] ?? '')
    .filter((link) => !/^[a-z]+:/.test(link));
}

test('house: every link of a document leads to a file of the project', () => {
  const documents = committedFiles().filter((path) => path.endsWith('.md'));
  const links = documents.flatMap((path) => linksIn(readFileSync(path, 'utf8')).map((link) => ({ path, link })));
  assert.ok(links.length >= 100, `only ${links.length} links were found`);
  const broken = links.filter(({ path, link }) => !existsSync(join(dirname(path), link)));
  assert.deepEqual(
    broken.map(({ path, link }) => `${relative(ROOT, path)}: ${link}`),
    [],
  );
  assert.deepEqual(linksIn('[a](b.md#c) [d](https://e) ![f](g.svg)'), ['b.md', 'g.svg']);
});
