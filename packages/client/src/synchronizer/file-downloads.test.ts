import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { relative } from 'node:path';
import { test } from 'node:test';
import { contentHash } from '@satchel/core/manifest.ts';
import type { FileContent, RemoteNode } from '@satchel/core/tree.ts';
import type { ChunkId, UploadId, VersionId } from '@satchel/protocol/ids.ts';
import {
  indexedFile,
  indexing,
  LONG_AGO_S,
  meddledBefore,
  objectId,
  openWorld,
  scanned,
  type World,
} from '../daemon/assembled.fixture.ts';
import { TREE_ROOT } from '../daemon/assembly.ts';
import type { ChunkAt } from '../ports/hashing.ts';
import type { LocalRow } from '../state/rows.ts';
import type { Downloader } from '../transfer/download.ts';
import { LARGE_BYTES } from './bundles.ts';
import { FileDownloads, prefetchPathOf, type Prefetched } from './file-downloads.ts';

const MTIME_MS = 1_700_000_000_123;
const never = new AbortController().signal;
const sha256 = (bytes: Uint8Array): string => hash('sha256', bytes);

/** Content on the server, by chunk id. */
function contentOf(
  world: World,
  chunks: readonly Buffer[],
): { content: FileContent; byId: ReadonlyMap<string, Buffer> } {
  const list = chunks.map((bytes) => ({ id: sha256(bytes) as ChunkId, size: bytes.length }));
  const whole = contentHash(list, sha256);
  world.parts.chunks.putManifest(whole, list);
  const size = chunks.reduce((sum, { length }) => sum + length, 0);
  const content = { kind: 'file', hash: whole, size, executable: false, mtimeMs: MTIME_MS } as const;
  return { content, byId: new Map(chunks.map((bytes) => [sha256(bytes), bytes])) };
}

interface Downloading {
  readonly chunks: readonly Buffer[];
  /** What it replaces. */
  readonly expected?: LocalRow;
  readonly prefetched?: Prefetched;
  readonly executable?: boolean;
}

/** Downloads one file; tells what became of it and which chunks the server was asked for. */
async function download(world: World, { chunks, expected, prefetched, executable = false }: Downloading) {
  const { content, byId } = contentOf(world, chunks);
  const asked: string[] = [];
  const downloader: Downloader = {
    async fetchChunks({ wanted, done }) {
      for (const [index, { id, targets }] of wanted.entries()) {
        asked.push(id);
        for (const { path, offset, finish } of targets) {
          const file = openSync(path, statSync(path, { throwIfNoEntry: false }) === undefined ? 'w' : 'r+');
          writeSync(file, byId.get(id)!, 0, byId.get(id)!.length, offset);
          closeSync(file);
          const sizeBytes = byId.get(id)!.length;
          if (finish !== undefined) world.disk.finish(relative(world.path(''), path), { sizeBytes, ...finish });
        }
        done?.([index]);
      }
    },
  };
  const { trees, chunks: index, applier } = world.parts;
  const downloads = new FileDownloads({
    api: world.api,
    trees,
    chunks: index,
    applier,
    hashing: { copyLocal: async () => [] } as never,
    downloader,
    progress: () => undefined,
    takePrefetched: async () => prefetched,
    freeFloorBytes: () => 0,
  });
  const remote: RemoteNode = {
    objectId: expected?.objectId ?? objectId('f'),
    workspaceId: world.workspace.workspaceId,
    parentId: TREE_ROOT,
    name: 'f',
    content,
    versionId: 'v'.repeat(26) as VersionId,
    placeVersion: 1,
  };
  const { objectId: id, workspaceId } = remote;
  const [outcome] = await downloads.run(
    [
      {
        kind: 'download',
        objectId: id,
        workspaceId,
        remote,
        executable,
        ...(expected === undefined ? { place: { parentId: TREE_ROOT, name: 'f' } } : { expected }),
      },
    ],
    never,
  );
  return { outcome, asked };
}

const files = (world: World): Record<string, string> =>
  Object.fromEntries(
    readdirSync(world.path(''))
      .filter((name) => name !== '.satchel')
      .sort()
      .map((name) => [name, readFileSync(world.path(name), 'utf8')]),
  );

test('a file is replaced by its new version', async () => {
  await using world = openWorld();
  const expected = await indexedFile(world, 'f', 'old one');
  assert.deepEqual((await download(world, { chunks: [Buffer.from('new')], expected })).outcome, { outcome: 'done' });
  assert.deepEqual(files(world), { f: 'new' });
});

test('H5 H53 a file that arrives has its time to the millisecond, and can be run', async () => {
  // The thread that writes the only chunk of a new file gives it both; longer ones get them when all is written.
  for (const chunks of [[Buffer.from('new')], [Buffer.alloc(200_000, 1), Buffer.alloc(200_000, 2)]]) {
    await using world = openWorld();
    await download(world, { chunks, executable: true });
    const { mtimeMs, mode } = statSync(world.path('f'));
    assert.deepEqual([Math.round(mtimeMs), mode & 0o100], [MTIME_MS, 0o100]);
  }
});

test('C4 a file that was edited since it was read is not replaced', async () => {
  await using world = openWorld();
  const expected = await indexedFile(world, 'f', 'old one');
  appendFileSync(world.path('f'), ', edited');
  assert.deepEqual((await download(world, { chunks: [Buffer.from('new')], expected })).outcome, { outcome: 'dropped' });
  assert.deepEqual(files(world), { f: 'old one, edited' });
});

test('C4 H53 a file whose executable bit was changed since the plan is not replaced by one with the old bit', async () => {
  await using world = openWorld();
  const expected = await indexedFile(world, 'f', 'old one');
  chmodSync(world.path('f'), 0o755);
  await scanned(world);
  assert.deepEqual((await download(world, { chunks: [Buffer.from('new')], expected })).outcome, { outcome: 'dropped' });
  assert.equal(statSync(world.path('f')).mode & 0o100, 0o100);
});

test('C4 H4 a file that was edited and got its old size and time again is not replaced', async () => {
  await using world = openWorld();
  const expected = await indexedFile(world, 'f', 'old one');
  writeFileSync(world.path('f'), 'EDITED!');
  utimesSync(world.path('f'), LONG_AGO_S, LONG_AGO_S);
  assert.deepEqual((await download(world, { chunks: [Buffer.from('new')], expected })).outcome, { outcome: 'dropped' });
  assert.deepEqual(files(world), { f: 'EDITED!' });
});

test('C4 H14 a file that is edited between the last look and the swap stays in sight as a conflicted copy', async () => {
  let edit = (): void => undefined;
  await using world = openWorld(meddledBefore({ exchange: () => edit() }));
  const expected = await indexedFile(world, 'f', 'old one');
  edit = () => appendFileSync(world.path('f'), ', edited');
  assert.deepEqual((await download(world, { chunks: [Buffer.from('new')], expected })).outcome, { outcome: 'done' });
  assert.deepEqual(files(world), { f: 'new', 'f (conflicted copy from one, 2027-01-15)': 'old one, edited' });
});

test('C4 H14 what stays in sight becomes an object of its own, also when it is found before the swap is recorded', async () => {
  let edit = (): void => undefined;
  let flushNames = async (): Promise<void> => undefined;
  await using world = openWorld((disk) => {
    const meddled = meddledBefore({ exchange: () => edit() })(disk);
    return { ...meddled, flush: async (paths) => void (await flushNames(), await disk.flush(paths)) };
  });
  const expected = await indexedFile(world, 'f', 'old one');
  edit = () => {
    appendFileSync(world.path('f'), ', edited');
    flushNames = () => scanned(world);
  };
  await download(world, { chunks: [Buffer.from('new')], expected });
  flushNames = async () => undefined;
  await indexing(world, (signal) => world.parts.indexer.settled(signal, { waitForWriters: true }));
  const { local } = world.parts.trees;
  const rows = Object.keys(files(world)).map((name) => local.childNamed({ parentId: TREE_ROOT, name }));
  assert.deepEqual(
    rows.map((row) => [row?.objectId === expected.objectId, row?.stat.size]),
    [
      [true, 'new'.length],
      [false, 'old one, edited'.length],
    ],
  );
});

test('C4 H14 a file that is edited between the swap and the record is recorded as it was swapped in', async () => {
  let edit = (): void => undefined;
  await using world = openWorld(meddledBefore({ rename: () => edit() }));
  const expected = await indexedFile(world, 'f', 'old one');
  edit = () => {
    // The first renames are before the swap; this one takes the old file to the trash.
    if (readFileSync(world.path('f'), 'utf8') === 'new') writeFileSync(world.path('f'), 'edited');
  };
  await download(world, { chunks: [Buffer.from('new')], expected });
  assert.equal(world.parts.trees.local.get(expected.objectId)?.stat.size, 'new'.length);
  assert.deepEqual(files(world), { f: 'edited' });
});

test('H83 H84 bytes are on the disk before their name, an intent before the name, the name before the record', async () => {
  const happened: string[] = [];
  const seen: { world?: World } = {};
  const look = (what: string) => () => {
    const row = seen.world?.parts.trees.local.get(objectId('f'));
    const intents = seen.world?.db.all('SELECT object_id FROM intent').length;
    happened.push(`${what}: ${intents} intents, ${row === undefined ? 'not recorded' : 'recorded'}`);
  };
  await using world = openWorld(
    meddledBefore({ flush: look('flush'), link: look('link'), removeFile: look('remove part') }),
  );
  seen.world = world;
  await download(world, { chunks: [Buffer.from('new')] });
  assert.deepEqual(happened, [
    'flush: 0 intents, not recorded',
    'link: 1 intents, not recorded',
    'flush: 1 intents, not recorded',
    'remove part: 0 intents, recorded',
  ]);
});

test('S1 H93 what was prefetched and is not what was committed there is fetched', async () => {
  await using world = openWorld();
  const [first, second, other] = [1, 2, 3].map((byte) => Buffer.alloc(LARGE_BYTES / 2, byte)) as [
    Buffer,
    Buffer,
    Buffer,
  ];
  const path = prefetchPathOf(objectId('f'), 'upload' as UploadId);
  writeFileSync(world.path(path), Buffer.concat([first, other]));
  const at = (bytes: Buffer, offset: number): [number, ChunkAt] => [
    offset,
    { id: sha256(bytes) as ChunkId, size: bytes.length, offset },
  ];
  const prefetched = { path, chunks: new Map([at(first, 0), at(other, first.length)]) };
  const { asked } = await download(world, { chunks: [first, second], prefetched });
  assert.deepEqual(asked, [sha256(second)]);
  assert.ok(readFileSync(world.path('f')).equals(Buffer.concat([first, second])));
});
