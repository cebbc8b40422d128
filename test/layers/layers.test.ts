import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { scratch } from '../support/scratch.ts';
import { faults, importedBy, sourcesBelow, type Source } from './imports.ts';
import { FOLDERS, LAYERS } from './table.ts';

const ROOT = join(import.meta.dirname, '../..');

/** Fewer than these were read: the scan is broken, not the code clean. */
const LEAST_SOURCES = 450;
const LEAST_IMPORTS = 2000;

async function allSources(): Promise<Source[]> {
  return (await Promise.all(FOLDERS.map((folder) => sourcesBelow(ROOT, folder)))).flat();
}

test('layers: every import is one that the table allows', async () => {
  const sources = await allSources();
  assert.ok(sources.length >= LEAST_SOURCES, `only ${sources.length} sources were read`);
  const imports = sources.reduce((sum, source) => sum + source.imports.length, 0);
  assert.ok(imports >= LEAST_IMPORTS, `only ${imports} imports were found`);
  assert.deepEqual(faults(LAYERS, sources), []);
});

test('layers: every row of the table decides about a file', async () => {
  const sources = await allSources();
  const layerOf = (file: string) => LAYERS.find(({ prefix }) => file.startsWith(prefix));
  const idle = LAYERS.filter((layer) => !sources.some(({ file }) => layerOf(file) === layer));
  assert.deepEqual(idle, []);
});

/** File, import, and whether it is allowed. */
const PLANTED: readonly (readonly [file: string, source: string, allowed: boolean])[] = [
  ['packages/protocol/src/ids.ts', "import { plan } from '@satchel/core/plan.ts';", false],
  ['packages/protocol/src/ids.ts', "import { z } from 'zod';", true],
  ['packages/core/src/plan.ts', "import { readFileSync } from 'node:fs';", false],
  ['packages/core/src/plan.ts', "import type { ObjectId } from '@satchel/protocol/ids.ts';", true],
  ['packages/server/src/meta/list.ts', "import { createBlocks } from '../block/blocks.ts';", false],
  ['packages/server/src/meta/list.ts', "import { openSqlite } from '../adapters/sqlite/database.ts';", false],
  ['packages/server/src/block/fetch.ts', "import { open } from 'node:fs/promises';", false],
  ['packages/server/src/block/fetch.ts', "import type { BlockStore } from '../ports/block-store.ts';", true],
  ['packages/server/src/gateway/gateway.ts', "import { openSqlite } from '../adapters/sqlite/database.ts';", false],
  ['packages/server/src/gateway/gateway.ts', "import type { Meta } from '../meta/meta.ts';", true],
  ['packages/server/src/adapters/disk/block-store.ts', "import { x } from '../sqlite/faults.ts';", false],
  ['packages/server/src/compose.ts', "import { openSqlite } from './adapters/sqlite/database.ts';", true],
  ['packages/client/src/daemon/daemon.ts', "import { createHttpApi } from '../adapters/http-api.ts';", false],
  ['packages/client/src/daemon/daemon.ts', "const x = await import('../commands/status.ts');", false],
  ['packages/client/src/daemon/daemon.ts', "import { statSync } from 'node:fs';", false],
  ['packages/client/src/indexer/scan.ts', "export { x } from '../synchronizer/engine.ts';", false],
  ['packages/client/src/indexer/scan.ts', "import type { Disk } from '../ports/disk.ts';", true],
  ['packages/client/src/adapters/http-api.ts', "import type { X } from '../state/rows.ts';", false],
  ['packages/client/src/daemon/daemon.ts', "import { x } from '../transfer/testing/device.ts';", false],
  ['packages/client/src/daemon/daemon.test.ts', "import { createNodeDisk } from '../adapters/node-disk.ts';", true],
  ['packages/client/src/synchronizer/engine.ts', "import { request } from 'undici';", false],
  ['packages/server/src/new-thing.ts', "import 'node:fs';", false],
];

test('layers: planted violations are found, and nothing else is', async () => {
  using folder = scratch('layers');
  const root = folder.path;
  for (const [file, source, allowed] of PLANTED) {
    const path = join(root, file);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, `${source}\n`);
    const found = faults(LAYERS, await sourcesBelow(root, 'packages')).filter((fault) => fault.startsWith(file));
    assert.equal(found.length, allowed ? 0 : 1, `${file}: ${source} → ${found.join('; ') || 'no fault'}`);
  }
});

test('layers: all ways to import are seen', () => {
  const text = [
    "import { a } from './a.ts';",
    "import type { b } from './b.ts';",
    "import './c.ts';",
    "export { d } from './d.ts';",
    "import {\n  e,\n} from './e.ts';",
    "const f = await import('./f.ts');",
    "new Worker(new URL('./g.ts', import.meta.url));",
    "type H = import('./h.ts').H;",
    'import { i } from "./i.ts";',
  ].join('\n');
  assert.deepEqual(
    importedBy(text),
    ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'].map((name) => `./${name}.ts`),
  );
});
