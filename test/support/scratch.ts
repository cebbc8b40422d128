/** A temporary folder for one test, removed when the test ends. */
import { chmodSync, lstatSync, mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export type Scratch = Disposable &
  AsyncDisposable & { readonly path: string; readonly join: (...parts: string[]) => string };

/** Makes a fresh folder under SATCHEL_TEST_TMP or the system's temporary folder. */
export function scratch(name = 'test'): Scratch {
  const parent = process.env['SATCHEL_TEST_TMP'] ?? tmpdir();
  const path = realpathSync(mkdtempSync(join(parent, `satchel-${name}-`)));
  const remove = (): void => {
    makeRemovable(path);
    rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  };
  return {
    path,
    join: (...parts) => join(path, ...parts),
    [Symbol.dispose]: remove,
    async [Symbol.asyncDispose]() {
      remove();
    },
  };
}

/** Tests leave folders without permissions behind (H68); rm needs them back unless it runs as root. */
export function makeRemovable(path: string): void {
  if (process.getuid?.() === 0) return;
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined || !stat.isDirectory()) return;
  chmodSync(path, 0o700);
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (entry.isDirectory()) makeRemovable(join(path, entry.name));
  }
}
