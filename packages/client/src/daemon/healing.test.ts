/** Chunks that the server has lost are sent again by a device that has them. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { CodedError } from '@satchel/protocol/errors.ts';
import type { ChunkId, WorkspaceId } from '@satchel/protocol/ids.ts';
import type { ChunkRef } from '@satchel/protocol/objects.ts';
import { systemRandom } from '../adapters/system-clock.ts';
import { createHastyClock } from '../transfer/testing/device.ts';
import type { FileToUpload, UploadOutcome } from '../transfer/upload-job.ts';
import { indexedFile, objectId, openWorld, type World } from './assembled.fixture.ts';
import { Healing, type HealingDeps } from './healing.ts';

function chunkOf(text: string): ChunkRef {
  return { id: createHash('sha256').update(text).digest('hex') as ChunkId, size: text.length };
}

interface Asked {
  readonly params: { readonly workspace_id: WorkspaceId };
  readonly query: { readonly after?: ChunkId };
}

/** A device that heals, what it asked and what it sent. */
function healingIn(world: World, damaged: (input: Asked) => unknown, deps: Partial<HealingDeps> = {}) {
  const asked: Asked[] = [];
  const sent: { readonly workspaceId: WorkspaceId; readonly file: FileToUpload }[] = [];
  const outcomes = new Map<string, UploadOutcome>();
  world.meddling.answer = (name, input) => {
    assert.equal(name, 'damaged');
    asked.push(input);
    return damaged(input);
  };
  const healing = new Healing({
    ...world.parts,
    api: world.api,
    disk: world.disk,
    clock: createHastyClock(),
    random: systemRandom,
    canWrite: () => true,
    maySend: () => true,
    log: (message) => void world.remarks.push(message),
    uploader: {
      sendAgain: async ({ workspaceId, files }) => {
        for (const file of files) sent.push({ workspaceId, file });
        return files.map(({ path }) => outcomes.get(path) ?? 'sent');
      },
    },
    ...deps,
  });
  return { healing, asked, sent, outcomes };
}

/** Lets it run until the condition holds. */
async function runUntil(healing: Healing, condition: () => boolean): Promise<void> {
  const stop = new AbortController();
  const running = healing.run(stop.signal);
  for (let turns = 0; turns < 10_000 && !condition(); turns++) await setImmediate();
  stop.abort();
  await running;
  assert.ok(condition(), 'it has come to that');
}

test('H93 a damaged chunk is sent again out of the file that has it, page by page, and no other', async () => {
  await using world = openWorld();
  await indexedFile(world, 'small', 'precious');
  const long = await indexedFile(world, 'long', 'x'.repeat(100_000));
  const second = chunkOf('the second chunk of the long file');
  world.parts.chunks.indexObject(long.objectId, [{ id: chunkOf('the first').id, size: 70_000 }, second]);
  const next = chunkOf('nobody has it');
  const { healing, asked, sent } = healingIn(world, ({ query }) =>
    query.after === undefined ? { chunks: [chunkOf('precious'), next], next: next.id } : { chunks: [second] },
  );
  healing.ask('soon');
  await runUntil(healing, () => sent.length === 2);
  assert.deepEqual(
    asked.map(({ query }) => query),
    [{}, { after: next.id }],
  );
  const { workspaceId } = world.workspace;
  assert.deepEqual(
    sent.map(({ file, ...rest }) => ({ ...rest, path: file.path, chunks: file.chunks, from: file.from })),
    [
      { workspaceId, path: world.path('small'), chunks: [chunkOf('precious')], from: 0 },
      { workspaceId, path: world.path('long'), chunks: [second], from: 70_000 },
    ],
  );
});

test('H93 where one file does not hold the chunk any more another one is read', async () => {
  await using world = openWorld();
  await indexedFile(world, 'a', 'precious');
  await indexedFile(world, 'b', 'precious');
  const { healing, sent, outcomes } = healingIn(world, () => ({ chunks: [chunkOf('precious')] }));
  const paths = () => sent.map(({ file }) => file.path);
  outcomes.set(world.path('a'), 'changed').set(world.path('b'), 'changed');
  healing.ask('soon');
  await runUntil(healing, () => sent.length === 2);
  assert.deepEqual(paths().sort(), [world.path('a'), world.path('b')]);
});

test('H93 nothing is asked while nothing may be sent, nor of a workspace that is only looked at', async () => {
  await using world = openWorld();
  const viewed = 'viewed' as WorkspaceId;
  world.parts.workspaces.put({ ...world.workspace, workspaceId: viewed, mountId: objectId('m'), role: 'viewer' });
  let refusals = 3;
  const { healing, asked } = healingIn(world, () => ({ chunks: [] }), {
    maySend: () => {
      if (refusals > 0) assert.equal(asked.length, 0);
      return refusals-- <= 0;
    },
    canWrite: (id) => id !== viewed,
  });
  healing.ask('routinely');
  await runUntil(healing, () => asked.length > 0);
  assert.deepEqual(
    asked.map(({ params }) => params.workspace_id),
    [world.workspace.workspaceId],
  );
});

test('H93 what was left when sending had to end is sent later', async () => {
  await using world = openWorld();
  await indexedFile(world, 'small', 'precious');
  let answers = 0;
  const { healing, asked, sent } = healingIn(world, () => ({ chunks: [chunkOf('precious')] }), {
    // The user pauses while the question is on its way, and goes on.
    maySend: () => [true, false, false, false][answers++] ?? true,
  });
  healing.ask('soon');
  await runUntil(healing, () => sent.length === 1);
  assert.equal(asked.length, 2);
});

test('a server that is older than the question has nothing damaged; another refusal is told of and asked again', async () => {
  await using world = openWorld();
  let code: 'not_found' | 'internal' = 'not_found';
  const { healing, asked } = healingIn(world, () => {
    throw new CodedError(code, 'refused');
  });
  healing.ask('soon');
  await runUntil(healing, () => asked.length === 1);
  assert.deepEqual(world.remarks, []);
  code = 'internal';
  healing.ask('soon');
  await runUntil(healing, () => asked.length >= 3);
  assert.match(world.remarks[0] ?? '', /could not be sent again/);
});
