import { randomBytes } from 'node:crypto';
import { appendFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { pino } from 'pino';
import type { ChunkId, DeviceId, ObjectId, UserId, WorkspaceId } from '@satchel/protocol/ids.ts';
import { adminSocketOf, listenForAdmin, type AdminAnswer } from './administration/admin-socket.ts';
import { runBackupCommand } from './backup-commands.ts';
import { frameFor, idOf, inPieces } from './block/blocks.fixture.ts';
import { compose, type Composition } from './compose.ts';
import { loadConfig, type Config } from './config.ts';
import { doneBy, id, putOf } from './meta/meta-under-test.ts';

/** A server's data with one account, and commands on it. */
export interface BackedUp {
  readonly config: Config;
  readonly folder: string;
  readonly backup: string;
  /** The server of the configuration; it hears `hold` as a process of its own would. */
  start(config?: Config): Promise<RunningServer>;
  /** `satchel admin …` with this configuration. */
  run(...args: readonly string[]): Promise<AdminAnswer & { readonly said: readonly string[] }>;
  runOn(config: Config, ...args: readonly string[]): Promise<AdminAnswer>;
  configFor(data: string, keyFile?: string): Config;
}

export interface RunningServer extends AsyncDisposable {
  readonly composition: Composition;
  /** Stores a file of the one account. Small ones go into packs. */
  put(name: string, content: Uint8Array): Promise<void>;
  /** What the server answers for the contents of all files. */
  contents(): Promise<ReadonlyMap<string, Buffer>>;
  readonly epoch: () => Promise<string>;
}

const ANN = { userId: id<UserId>(), deviceId: id<DeviceId>() };

export async function backedUp(t: TestContext): Promise<BackedUp> {
  const folder = await mkdtemp(join(tmpdir(), 'satchel-backup-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const configFor = (data: string, keyFile = 'master.key'): Config =>
    loadConfig(['--data', join(folder, data), '--key-file', join(folder, 'keys', keyFile)], {}).config;
  const config = configFor('data');
  const runOn: BackedUp['runOn'] = (at, ...args) => runBackupCommand(at, args, () => undefined);
  return {
    config,
    folder,
    backup: join(folder, 'backup'),
    configFor,
    start: (at = config) => startServer(at),
    run: async (...args) => {
      const said: string[] = [];
      return { ...(await runBackupCommand(config, args, (message) => void said.push(message))), said };
    },
    runOn,
  };
}

async function startServer(config: Config): Promise<RunningServer> {
  await using opening = new AsyncDisposableStack();
  const composition = opening.use(await compose(config, pino({ enabled: false })));
  const { meta, blocks } = composition.services;
  // The account is made without a password; one that signs up has this file before it is an account.
  await appendFile(join(config.data, 'identity.sqlite'), '');
  const { workspaceId } = await meta.ensure({ userId: ANN.userId, email: 'ann@example.org', name: 'ann' });
  const { workspaces } = await meta.workspaces(ANN);
  const rootId = workspaces[0]?.rootId ?? ('' as ObjectId);
  opening.use(await listenForAdmin(adminSocketOf(config.data), composition));
  const actor = { ...ANN, email: 'ann@example.org', workspaceId, rootId };
  const all = opening.move();
  return {
    composition,
    put: async (name, content) => {
      const chunk = { id: idOf(content), size: content.length };
      await storeChunk(composition, workspaceId, content);
      await doneBy(meta, actor, putOf({ place: { parentId: rootId, name }, chunks: [chunk] }));
    },
    contents: async () => {
      const found = new Map<string, Buffer>();
      for (const { name, version } of (await meta.list(actor, { workspace_id: workspaceId })).objects) {
        // Files of one chunk: its id is the hash of the content.
        const chunkId = (version?.contentHash ?? '') as ChunkId;
        const { bytes } = await blocks.getChunk(actor, { workspaceId, id: chunkId });
        for await (const run of bytes) found.set(name, Buffer.concat(run));
      }
      return found;
    },
    epoch: async () => (await meta.list(actor, { workspace_id: workspaceId })).cursor.slice(0, 12),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

async function storeChunk({ services }: Composition, workspaceId: WorkspaceId, content: Uint8Array): Promise<void> {
  const { blocks } = services;
  const chunk = { id: idOf(content), size: content.length };
  if (content.length < 128 * 1024)
    await blocks.acceptBatch(ANN, { workspaceId, body: inPieces(Buffer.from(frameFor(content))) });
  else await blocks.putChunk(ANN, { workspaceId, chunk, body: inPieces(content) });
}

export const small = (): Buffer => randomBytes(2000);
export const large = (): Buffer => randomBytes(200_000);
