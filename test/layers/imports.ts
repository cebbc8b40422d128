import { readdir, readFile } from 'node:fs/promises';
import { join, relative, resolve, dirname, sep } from 'node:path';

/** Where a source file belongs; the first matching prefix decides. Paths are relative to the project's root. */
export interface Layer {
  /** A folder with its slash at the end, or one file. */
  readonly prefix: string;
  /** Prefixes that it may import; its own files it always may. */
  readonly may: readonly string[];
  /** Packages it may import; `node` stands for all built-in modules, `node:crypto` for one, `*` for everything. */
  readonly packages: readonly string[];
}

export interface Source {
  readonly file: string;
  readonly lines: number;
  readonly text: string;
  /** Project paths, built-in modules (`node:fs`) and packages, as `importedBy` finds them. */
  readonly imports: readonly string[];
}

/** Files that exist for tests alone: they may reach further, and nothing but tests may import them. */
const FOR_TESTS = /\.(?:test|contract|fixture)\.ts$|-under-test\.ts$|\/testing\//;

export function isForTests(file: string): boolean {
  return FOR_TESTS.test(file) || file.startsWith('test/');
}

/** Every TypeScript source below a folder with what it imports: static, dynamic, type-only, and workers by URL. */
export async function sourcesBelow(root: string, folder: string): Promise<Source[]> {
  const entries = await readdir(join(root, folder), { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !path.includes(`${sep}node_modules${sep}`));
  return Promise.all(
    paths.map(async (path) => {
      const text = await readFile(path, 'utf8');
      const file = relative(root, path);
      const imports = importedBy(text).map((target) =>
        target.startsWith('.')
          ? relative(root, resolve(dirname(path), target))
          : target.replace(/^@satchel\/([^/]+)\//, 'packages/$1/src/'),
      );
      return { file, lines: text.split('\n').length - 1, text, imports };
    }),
  );
}

const IMPORT =
  /(?:^|\n)\s*(?:import|export)\s(?:[^'";]*?\sfrom\s)?\s*['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)|new URL\(\s*['"](\.[^'"]+\.ts)['"]/g;

/** The module specifiers that a source text imports. */
export function importedBy(text: string): string[] {
  return [...text.matchAll(IMPORT)].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
}

/** One sentence for each import that the table does not allow. */
export function faults(layers: readonly Layer[], sources: readonly Source[]): string[] {
  return sources.flatMap((source) => {
    const layer = layers.find(({ prefix }) => source.file.startsWith(prefix));
    if (layer === undefined) return [`${source.file}: belongs to no layer; add it to test/layers/table.ts`];
    return source.imports
      .filter((target) => !isAllowed(layer, source.file, target))
      .map((target) => {
        return `${source.file}: may not import ${target}`;
      });
  });
}

function isAllowed(layer: Layer, file: string, target: string): boolean {
  if (target.startsWith('node:') || !/\.(?:ts|mjs|js)$/.test(target)) return isAllowedPackage(layer, file, target);
  if (isForTests(file)) return true;
  const named = layer.may.some((prefix) => target.startsWith(prefix));
  if (isForTests(target)) return named && target.startsWith('test/');
  return named || target.startsWith(layer.prefix);
}

function isAllowedPackage({ packages }: Layer, file: string, target: string): boolean {
  if (target.startsWith('node:')) {
    return isForTests(file) || packages.includes('node') || packages.includes(target.replace(/\/.*$/, ''));
  }
  const name = target.replace(/^((?:@[^/]+\/)?[^/]+).*$/, '$1');
  return packages.includes(name) || packages.includes('*') || (isForTests(file) && name === 'fast-check');
}
