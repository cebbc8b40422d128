import { readdir, readFile } from 'node:fs/promises';
import { join, relative, resolve, dirname } from 'node:path';

/** Where a source file belongs; the first matching prefix decides. Paths are relative to the project's root. */
export interface Layer {
  readonly prefix: string;
  /** Prefixes that it may import; its own files it always may. `node:` and package names are listed by `packages`. */
  readonly may: readonly string[];
  /** Packages it may import; `node` stands for all built-in modules. */
  readonly packages: readonly string[];
}

export interface Import {
  readonly file: string;
  readonly target: string;
}

/** Every import of every TypeScript source below a folder: static, dynamic and type-only. */
export async function importsBelow(root: string, folder: string): Promise<Import[]> {
  const found: Import[] = [];
  for (const entry of await readdir(join(root, folder), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.ts')) continue;
    const path = join(entry.parentPath, entry.name);
    const file = relative(root, path);
    for (const target of importedBy(await readFile(path, 'utf8'))) {
      found.push({ file, target: target.startsWith('.') ? relative(root, resolve(dirname(path), target)) : target });
    }
  }
  return found;
}

/** The module specifiers that a source text imports. */
export function importedBy(source: string): string[] {
  const pattern = /(?:^|\n)\s*(?:import|export)\s(?:[^'";]*?\sfrom\s)?\s*'([^']+)'|import\(\s*'([^']+)'\s*\)/g;
  return [...source.matchAll(pattern)].map((match) => match[1] ?? match[2] ?? '');
}

/** The sentence that says what is wrong with an import, or undefined. */
export function fault(layers: readonly Layer[], { file, target }: Import): string | undefined {
  const layer = layers.find(({ prefix }) => file.startsWith(prefix));
  if (layer === undefined) return `${file}: belongs to no layer; add it to the table`;
  const path = target.startsWith('@satchel/')
    ? target.replace(/^@satchel\/([^/]+)\//, 'packages/$1/src/')
    : target.startsWith('node:') || !target.includes('.ts')
      ? undefined
      : target;
  if (path === undefined) {
    const name = target.startsWith('node:') ? 'node' : target.replace(/^((?:@[^/]+\/)?[^/]+).*$/, '$1');
    return layer.packages.includes(name) || layer.packages.includes('*')
      ? undefined
      : `${file}: may not import ${target}`;
  }
  const allowed = path.startsWith(layer.prefix) || layer.may.some((prefix) => path.startsWith(prefix));
  return allowed ? undefined : `${file}: may not import ${path}`;
}
