import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { test } from 'node:test';
import { addTo, digestText, EMPTY_DIGEST, objectFingerprint } from '@satchel/core/digest.ts';
import { CodedError } from '@satchel/protocol/errors.ts';
import { DEVICE_PLACES } from '@satchel/protocol/ids.ts';
import type { ListAnswer, ObjectRecord } from '@satchel/protocol/objects.ts';
import { objectId, openWorld, type World } from '../daemon/assembled.fixture.ts';
import { TREE_ROOT } from '../daemon/assembly.ts';

const never = new AbortController().signal;

/** A folder at the top, as the server tells of it. */
function folder(name: string, seq: number): ObjectRecord {
  const place = { objectId: objectId(name), parentId: objectId('r'), name };
  return { ...place, kind: 'folder', seq, placeVersion: 1, changedAt: 0 };
}

function digestOf(records: readonly ObjectRecord[]): string {
  let digest = EMPTY_DIGEST;
  for (const { objectId: id, parentId, name, kind } of records) {
    const rest = { contentHash: undefined, executable: false, symlinkTarget: undefined };
    const print = objectFingerprint({ objectId: id, parentId, name, kind, ...rest }, (bytes) => hash('sha256', bytes));
    digest = addTo(digest, print);
  }
  return digestText(digest);
}

interface Page {
  readonly cursor: string;
  readonly head?: number;
  /** All that lives then; absent: more pages follow. */
  readonly live?: readonly ObjectRecord[];
}

function page(world: World, objects: readonly ObjectRecord[], { cursor, head = 9, live }: Page): ListAnswer {
  const { workspaceId, rootId } = world.workspace;
  const end = live === undefined ? { hasMore: true } : { hasMore: false, digest: digestOf(live) };
  return { workspaceId, rootId, cursor, head, objects: [...objects], ...end };
}

/** Known on all sides, and the cursor at `seq`. */
function known(world: World, records: readonly ObjectRecord[], seq: number): void {
  const { trees, workspaces } = world.parts;
  const { workspaceId } = world.workspace;
  for (const { objectId: id, name, seq: at } of records) {
    const node = { objectId: id, workspaceId, parentId: TREE_ROOT, name, content: { kind: 'folder' } } as const;
    const stat = { dev: 1, ino: at, size: 0, mtimeNs: '1', ctimeNs: '1', mode: 0o755 };
    trees.putLocal({ ...node, presence: 'present', stat, seenMs: 1 });
    trees.putRemote({ ...node, placeVersion: 1, seq: at });
    trees.putSynced({ ...node, placeVersion: 1 });
  }
  workspaces.put({ ...world.workspace, cursor: `epoch1.${seq}`, head: seq, digest: digestOf(records) });
}

/** Answers listings in turn; tells the cursors that were asked for. */
function listings(world: World, ...answers: readonly (() => ListAnswer)[]): (string | undefined)[] {
  const asked: (string | undefined)[] = [];
  world.meddling.answer = (name, input: { query?: { cursor?: string } }) => {
    assert.equal(name, 'objects');
    asked.push(input.query?.cursor);
    return answers[asked.length - 1]!();
  };
  return asked;
}

const [a, b] = [folder('a', 1), folder('b', 2)];

test('C3 H91 a listing of everything proves nothing gone before its last page', async () => {
  await using world = openWorld();
  const { trees, following } = world.parts;
  known(world, [a, b], 2);
  const asked = listings(
    world,
    () => page(world, [a], { cursor: 'epoch1.1' }),
    () => {
      assert.notEqual(trees.remote.get(b.objectId)?.deleted, true, 'between two pages');
      return page(world, [b], { cursor: 'epoch1.9', live: [a, b] });
    },
  );
  await following.relist(world.workspace.workspaceId, never);
  assert.deepEqual(asked, [undefined, 'epoch1.1']);
  for (const { objectId: id } of [a, b]) assert.notEqual(trees.remote.get(id)?.deleted, true);
});

test('C3 H91 what a complete listing does not mention is gone', async () => {
  await using world = openWorld();
  known(world, [a, b], 2);
  listings(world, () => page(world, [a], { cursor: 'epoch1.9', live: [a] }));
  await world.parts.following.relist(world.workspace.workspaceId, never);
  assert.equal(world.parts.trees.remote.get(b.objectId)?.deleted, true);
});

test('S9 H103 a digest that differs has everything listed again, and a word said about it', async () => {
  await using world = openWorld();
  const c = folder('c', 3);
  known(world, [a], 2);
  const asked = listings(
    world,
    () => page(world, [c], { cursor: 'epoch1.9', live: [a, b, c] }),
    () => page(world, [a, b, c], { cursor: 'epoch1.9', live: [a, b, c] }),
  );
  await world.parts.following.list(world.workspace.workspaceId, never);
  assert.deepEqual(asked, ['epoch1.2', undefined]);
  assert.equal(world.parts.trees.remote.get(b.objectId)?.name, 'b');
  assert.deepEqual(world.remarks, ['digest_mismatch']);
});

test('S9 equal digests need no second listing', async () => {
  await using world = openWorld();
  known(world, [a], 1);
  const asked = listings(world, () => page(world, [b], { cursor: 'epoch1.9', live: [a, b] }));
  await world.parts.following.list(world.workspace.workspaceId, never);
  assert.deepEqual([asked, world.remarks], [['epoch1.1'], []]);
});

test('S10 H87 what a restored server lacks is not deleted here: nothing says any more that it had it', async () => {
  await using world = openWorld();
  const { trees, following } = world.parts;
  known(world, [a, b], 2);
  const { workspaceId, rootId } = world.workspace;
  world.meddling.answer = (name, input: { query?: { cursor?: string } }) => {
    if (name === 'workspaces')
      return { workspaces: [{ workspaceId, kind: 'personal', rootId, role: 'owner', head: 1, epoch: 'epoch2' }] };
    if (input.query?.cursor !== undefined) throw new CodedError('cursor_expired', 'restored');
    return page(world, [a], { cursor: 'epoch2.1', head: 1, live: [a] });
  };
  await following.list(workspaceId, never);
  assert.equal(trees.remote.get(b.objectId), undefined);
  assert.equal(trees.synced.get(b.objectId), undefined);
  assert.equal(trees.local.get(b.objectId)?.name, 'b');
  assert.ok(world.remarks.includes('server_restored'));
});

test('S3 H89 a listing that was on its way while a commit was answered does not undo what the commit did', async () => {
  await using world = openWorld();
  const { trees, following } = world.parts;
  known(world, [a, b], 2);
  const { workspaceId } = world.workspace;
  const renamed = { ...a, name: 'a2', seq: 4, placeVersion: 2 };
  listings(world, () => {
    following.takeAnswered(workspaceId, [renamed]);
    following.committed(workspaceId, { results: [{ outcome: 'done', object: renamed }], head: 4 });
    return page(world, [{ ...a, seq: 3 }], { cursor: 'epoch1.3', live: [a, b] });
  });
  await following.list(workspaceId, never);
  assert.equal(trees.remote.get(a.objectId)?.name, 'a2');
  assert.deepEqual(world.remarks, [], 'and nobody takes it for a divergence');
});

test('S3 H89 a listing that was on its way while a commit deleted something does not bring it back', async () => {
  await using world = openWorld();
  const { trees, following } = world.parts;
  known(world, [a], 1);
  const { workspaceId } = world.workspace;
  const mine = folder('c', 2);
  const answered = (object: ObjectRecord) => {
    following.takeAnswered(workspaceId, [object]);
    following.committed(workspaceId, { results: [{ outcome: 'done', object }], head: object.seq });
  };
  listings(
    world,
    () => {
      answered(mine);
      answered({ ...mine, deleted: true, seq: 3 });
      return page(world, [mine], { cursor: 'epoch1.2', live: [a, mine] });
    },
    () => page(world, [{ ...mine, seq: 4 }], { cursor: 'epoch1.4', live: [a, mine] }),
  );
  await following.list(workspaceId, never);
  assert.equal(trees.remote.get(mine.objectId), undefined);
  await following.list(workspaceId, never);
  assert.equal(trees.remote.get(mine.objectId)?.seq, 4, 'what came back since is there');
  assert.deepEqual(world.remarks, [], 'and nobody takes it for a divergence');
});

test('S3 between the cursor and a commit of this device lie changes of others: that is a gap until they are listed', async () => {
  await using world = openWorld();
  const { following } = world.parts;
  known(world, [a], 1);
  const { workspaceId } = world.workspace;
  const mine = folder('c', 3);
  assert.equal(following.hasGap(), false);
  following.takeAnswered(workspaceId, [mine]);
  following.committed(workspaceId, { results: [{ outcome: 'done', object: mine }], head: 3 });
  assert.equal(following.hasGap(), true);
  listings(world, () => page(world, [b, mine], { cursor: 'epoch1.3', head: 3, live: [a, b, mine] }));
  await following.list(workspaceId, never);
  assert.equal(following.hasGap(), false);
});

test('S3 H88 an answer from before a listing that does not know the object any more tells of one that is gone', async () => {
  await using world = openWorld();
  const { trees, following } = world.parts;
  const { workspaceId } = world.workspace;
  known(world, [a, b], 2);
  listings(
    world,
    () => page(world, [], { cursor: 'epoch1.5' }),
    () => {
      trees.removeRemote(b.objectId);
      following.takeAnswered(workspaceId, [b]);
      return page(world, [a], { cursor: 'epoch1.9', live: [a] });
    },
  );
  await following.relist(workspaceId, never);
  assert.equal(trees.remote.get(b.objectId)?.deleted, true, 'answered in the middle of the listing');
  trees.removeRemote(b.objectId);
  following.takeAnswered(workspaceId, [b]);
  assert.equal(trees.remote.get(b.objectId)?.deleted, true, 'answered after it');
  following.takeAnswered(workspaceId, [{ ...b, seq: 10 }]);
  assert.notEqual(trees.remote.get(b.objectId)?.deleted, true, 'newer than the listing');
});

test('S10 H87 only the epoch tells of a restored server: also before a first listing came to its end', async () => {
  await using world = openWorld();
  const { trees, following, workspaces } = world.parts;
  known(world, [a, { ...b, seq: 50 }], 2);
  workspaces.put({ ...world.workspace, head: 2 });
  const asked = listings(world, () => page(world, [a], { cursor: 'epoch2.9', live: [a] }));
  await following.list(world.workspace.workspaceId, never);
  assert.deepEqual(asked, [undefined]);
  assert.deepEqual([trees.remote.get(b.objectId), trees.synced.get(b.objectId)], [undefined, undefined]);
  assert.equal(trees.synced.get(a.objectId), undefined);
  assert.deepEqual(world.remarks, ['server_restored']);
});

test('S3 what is being asked for is no reason to wait with planning, what was taken in part is', async () => {
  await using world = openWorld();
  const { following } = world.parts;
  known(world, [a], 1);
  const midway: boolean[] = [];
  const note = (answer: ListAnswer) => (midway.push(following.isMidway), answer);
  const both = [a, b];
  listings(
    world,
    () => note(page(world, [a], { cursor: 'epoch1.1' })),
    () => note(page(world, [b], { cursor: 'epoch1.2', head: 2, live: both })),
    () => note(page(world, [], { cursor: 'epoch1.2', head: 2, live: both })),
    () => note(page(world, both, { cursor: 'epoch1.2', head: 2, live: both })),
  );
  await following.list(world.workspace.workspaceId, never);
  await following.list(world.workspace.workspaceId, never);
  assert.deepEqual(midway, [false, true, false]);
  const { cursor: _, ...notListed } = world.parts.workspaces.get(world.workspace.workspaceId)!;
  world.parts.workspaces.put(notListed);
  await following.list(world.workspace.workspaceId, never);
  assert.deepEqual([midway.at(-1), following.isMidway], [true, false], 'of a first listing nothing is there');
});

test('S3 a listing that was cut off ends, and what it has changed is looked at', async () => {
  await using world = openWorld();
  const { following } = world.parts;
  known(world, [a], 1);
  listings(
    world,
    () => page(world, [b], { cursor: 'epoch1.2' }),
    () => {
      throw new CodedError('unavailable', 'gone');
    },
  );
  const cut = new AbortController();
  await assert.rejects(following.list(world.workspace.workspaceId, cut.signal));
  assert.equal(following.isMidway, false);
});

test('H49 an object with the id of a place of this device is not taken in', async () => {
  await using world = openWorld();
  const { trees, following } = world.parts;
  known(world, [a], 1);
  for (const id of Object.values(DEVICE_PLACES)) {
    const evil = { ...b, objectId: id };
    listings(world, () => page(world, [evil], { cursor: 'epoch1.2', live: [a, evil] }));
    await assert.rejects(following.list(world.workspace.workspaceId, never), RangeError);
    assert.equal(trees.remote.get(id), undefined);
  }
});

test('S9 a listing that is asked for is begun after that, in whatever moment it is asked for', async () => {
  await using world = openWorld();
  const { following } = world.parts;
  const { workspaceId } = world.workspace;
  known(world, [a], 2);
  const begun: number[] = [];
  world.meddling.answer = () => {
    begun.push(begun.length);
    return page(world, [], { cursor: 'epoch1.2', live: [a] });
  };
  for (let moment = 0; moment < 40; moment++) {
    const first = following.list(workspaceId, never);
    for (let step = 0; step < moment; step++) await Promise.resolve();
    const before = begun.length;
    await following.list(workspaceId, never);
    assert.ok(begun.length > before, `after ${moment} steps`);
    await first;
  }
});

test('H98 a listing of everything does not bring back a role, or a workspace, that was lost while it went on', async () => {
  await using world = openWorld();
  const { following, workspaces, trees } = world.parts;
  const { workspaceId } = world.workspace;
  known(world, [a], 2);
  const changed = (change: () => void) =>
    listings(
      world,
      () => (change(), page(world, [a], { cursor: 'epoch1.1' })),
      () => page(world, [b], { cursor: 'epoch1.9', live: [a, b] }),
    );
  changed(() => workspaces.put({ ...workspaces.get(workspaceId)!, role: 'viewer' }));
  await following.relist(workspaceId, never);
  assert.equal(workspaces.get(workspaceId)?.role, 'viewer');
  changed(() => {
    trees.removeRemote(b.objectId);
    workspaces.remove(workspaceId);
  });
  await following.relist(workspaceId, never);
  assert.deepEqual([workspaces.get(workspaceId), trees.remote.get(b.objectId)], [undefined, undefined]);
});
