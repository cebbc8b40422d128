import { conflictName } from '@satchel/core/conflict-name.ts';
import type { IgnoreRules } from '@satchel/core/ignore-rules.ts';
import {
  DEVICE_PLACES,
  newId,
  type ObjectId,
  type OperationId,
  type UploadId,
  type WorkspaceId,
} from '@satchel/protocol/ids.ts';
import { Applier } from '../apply/applier.ts';
import { Trash } from '../apply/trash.ts';
import { Indexer } from '../indexer/indexer.ts';
import { liesInLeftAlone } from '../indexer/left-alone.ts';
import { LocalTree } from '../indexer/local-tree.ts';
import { Signing } from '../indexer/signing.ts';
import { PathProblems } from '../indexer/problems.ts';
import type { Clock, Random } from '../ports/clock.ts';
import type { Disk } from '../ports/disk.ts';
import type { Hashing } from '../ports/hashing.ts';
import type { ServerApi } from '../ports/server-api.ts';
import { createChunkIndex, type ChunkIndex } from '../state/chunk-index.ts';
import type { ClientDatabase } from '../state/database.ts';
import { createIntents } from '../state/intents.ts';
import { pathOf } from '../state/paths.ts';
import { createPendingCommits } from '../state/pending-commits.ts';
import { createSettings, type Settings } from '../state/settings.ts';
import { touchBelow, TreeStore } from '../state/trees.ts';
import { createWorkspaceStore, type WorkspaceStore } from '../state/workspaces.ts';
import { Committer } from '../synchronizer/committer.ts';
import { DeleteGuard } from '../synchronizer/delete-guard.ts';
import { EarlyUploads } from '../synchronizer/early-uploads.ts';
import { Engine } from '../synchronizer/engine.ts';
import { Exclusions } from '../synchronizer/exclusions.ts';
import { FileDownloads, type Prefetched } from '../synchronizer/file-downloads.ts';
import { IgnoredPlaces } from '../synchronizer/ignored-places.ts';
import { Following } from '../synchronizer/following.ts';
import { ObjectProblems } from '../synchronizer/object-problems.ts';
import { RemoteTree } from '../synchronizer/remote-tree.ts';
import { Tasks } from '../synchronizer/tasks.ts';
import { createDownloader, type Downloader } from '../transfer/download.ts';
import { withRetry } from '../transfer/retry.ts';
import { createUploader } from '../transfer/upload.ts';
import { ActivityLog } from './activity-log.ts';
import { Healing } from './healing.ts';
import { KeptFolders } from './kept-folders.ts';
import { LastSync } from './last-sync.ts';
import type { RootProblem } from '../ports/root-guard.ts';
import { describe } from './step-activity.ts';

/** The root of the tree as the three trees know it; on the wire it is the personal workspace's own root id. */
export const TREE_ROOT = DEVICE_PLACES.top;

/** Everything outside the client's own code; a simulation brings its own. */
export interface DaemonPorts {
  readonly disk: Disk;
  readonly hashing: Hashing;
  readonly api: ServerApi;
  readonly clock: Clock;
  readonly random: Random;
  readonly db: ClientDatabase;
  readonly rootProblem: () => RootProblem | undefined;
  /** Lets other work of the control thread in. */
  readonly breathe: () => Promise<void>;
  readonly log: (message: string, details?: Readonly<Record<string, unknown>>) => void;
}

/** Who this device is. */
export interface DaemonIdentity {
  readonly workspaceId: WorkspaceId;
  readonly deviceName: () => string;
}

export interface Preferences {
  readonly guardDeletes: () => number | 'off';
  readonly freeFloorBytes: () => number;
}

/** What the daemon's loop needs to ask of the world while it runs. */
export interface Conditions {
  readonly rules: () => IgnoreRules;
  readonly isReady: () => boolean;
  readonly maySend: () => boolean;
  readonly caughtUp: () => Promise<'caught-up' | 'ended'>;
  readonly offline: () => void;
  readonly progressed: () => void;
  readonly takePrefetched: (id: ObjectId) => Promise<Prefetched | undefined>;
}

export interface Assembly {
  readonly trees: TreeStore;
  readonly tree: LocalTree;
  readonly workspaces: WorkspaceStore;
  readonly settings: Settings;
  readonly lastSync: LastSync;
  readonly chunks: ChunkIndex;
  readonly indexer: Indexer;
  readonly applier: Applier;
  readonly trash: Trash;
  readonly following: Following;
  readonly remote: RemoteTree;
  readonly engine: Engine;
  readonly tasks: Tasks;
  readonly signing: Signing;
  readonly healing: Healing;
  readonly guard: DeleteGuard;
  readonly committer: Committer;
  readonly earlyUploads: EarlyUploads;
  readonly downloader: Downloader;
  readonly pathProblems: PathProblems;
  readonly objectProblems: ObjectProblems;
  readonly exclusions: Exclusions;
  readonly kept: KeptFolders;
  /** As of now: of which objects nothing is brought to this device, since they are excluded, ignored, or left alone. */
  readonly unwanted: () => (id: ObjectId) => boolean;
  readonly activity: ActivityLog;
  readonly transferred: { up: number; down: number };
  /** Path of an object on the server, as this device knows it. */
  readonly remotePathOf: (id: ObjectId) => string | undefined;
}

/** Puts the client's parts together; nothing runs yet. */
export function assemble(
  ports: DaemonPorts,
  identity: DaemonIdentity,
  preferences: Preferences,
  conditions: Conditions,
): Assembly {
  const { disk, hashing, clock, random, db, log } = ports;
  const api = withRetry(ports.api, { clock, random });
  const now = () => clock.now();
  const newObjectId = () => newId<ObjectId>(clock.now(), random.bytes(10));
  const transaction = <T>(work: () => T) => db.transaction(work);
  // The parts refer to each other in a circle: what is told late is told through these.
  const late: { engine?: Engine; indexer?: Indexer } = {};
  const recheck = (paths: readonly string[]) => late.indexer?.recheck(paths);
  const wake = () => late.engine?.wake();

  const trees = new TreeStore(db, (id) => late.engine?.touched(id));
  const chunks = createChunkIndex(db);
  const workspaces = createWorkspaceStore(db);
  const settings = createSettings(db);
  const lastSync = new LastSync(settings);
  const pending = createPendingCommits(db);
  const activity = new ActivityLog(db, now);
  const pathProblems = new PathProblems();
  const objectProblems = new ObjectProblems(() => clock.monotonic());
  const kept = new KeptFolders(db);
  const exclusions = new Exclusions({ db, trees, rootId: TREE_ROOT });
  const { rules } = conditions;
  const transferred = { up: 0, down: 0 };
  const progress = (direction: 'up' | 'down') => (bytes: number) => {
    transferred[direction] += bytes;
    conditions.progressed();
  };
  const tree = new LocalTree({
    trees,
    disk,
    root: { objectId: TREE_ROOT, workspaceId: identity.workspaceId },
    newId: newObjectId,
    now,
    unsettled: (id, how) => late.indexer?.unsettle(id, how),
    settled: (id) => late.indexer?.settle(id),
    isSent: (id) => pending.name(id),
  });
  const places = new IgnoredPlaces({ trees, tree, rules, rootId: TREE_ROOT, transaction });
  const uploader = createUploader({
    api,
    hashing,
    newUploadId: () => newId<UploadId>(clock.now(), random.bytes(10)),
    signature: (id) => chunks.signature(id),
  });
  const canWrite = (workspaceId: WorkspaceId) => workspaces.get(workspaceId)?.role !== 'viewer';
  const earlyUploads = new EarlyUploads({
    uploader,
    maySend: (workspaceId) => conditions.maySend() && canWrite(workspaceId),
    progress: progress('up'),
  });
  const { maySend } = conditions;
  const healing = new Healing({ api, uploader, chunks, tree, disk, workspaces, clock, random, canWrite, maySend, log });
  const guard = new DeleteGuard({ limit: preferences.guardDeletes, treeSize: () => trees.synced.count(), now });
  const indexer = new Indexer({
    disk,
    trees,
    tree,
    chunks,
    hashing,
    clock,
    transaction,
    problems: pathProblems,
    rules,
    caughtUp: conditions.caughtUp,
    isRootIntact: () => ports.rootProblem() === undefined,
    isOwnDevice: (dev) => dev === disk.stat('')?.dev,
    isKept: (path) => kept.has(path),
    breathe: ports.breathe,
    deleted: (ids) => {
      for (const id of ids) if (trees.synced.get(id) !== undefined) guard.deleted(id);
    },
    changed: wake,
    readAndSend: (file, signal) => earlyUploads.readAndSend(file, signal),
  });
  late.indexer = indexer;
  const trash = new Trash({ disk, db, now, isInSight: (ino) => tree.hasName(ino) });
  const applier = new Applier({
    disk,
    trees,
    tree,
    trash,
    intents: createIntents(db),
    transaction,
    makeDurable: () => db.makeDurable(),
    now,
    recheck,
    rules,
    newId: newObjectId,
    deviceName: identity.deviceName,
    reserve: (paths, inodes) => indexer.reserve(paths, inodes),
    keepFolder: (path) => kept.add(path),
    takeKeptFolder: (path) => kept.take(path),
  });
  const remark = (what: string, detail: string) => {
    activity.add(what, '', detail);
    log(what, { detail });
  };
  const remote = new RemoteTree({
    trees,
    workspaces,
    chunks,
    newId: newObjectId,
    folderMoved: (id) => {
      if (exclusions.areAny() || rules().areAny) touchBelow(trees, id);
    },
    shareEnded: () =>
      remark('workspace_lost', 'a shared folder is no longer shared with you: unchanged files move to the local trash'),
  });
  const following = new Following({
    api,
    trees,
    workspaces,
    chunks,
    remote,
    transaction,
    treeRootId: TREE_ROOT,
    changed: wake,
    remark,
  });
  const downloader = createDownloader({ api: ports.api, hashing, clock, random });
  const committer = new Committer({
    api,
    trees,
    tree,
    disk,
    chunks,
    workspaces,
    following,
    uploader,
    earlyUploads,
    transaction,
    recheck,
    pending,
    progress: progress('up'),
    newOperationId: () => newId<OperationId>(clock.now(), random.bytes(10)),
  });
  const downloads = new FileDownloads({
    api,
    chunks,
    trees,
    applier,
    hashing,
    downloader,
    progress: progress('down'),
    takePrefetched: conditions.takePrefetched,
    freeFloorBytes: preferences.freeFloorBytes,
  });
  const tasks = new Tasks({
    applier,
    committer,
    downloads,
    following,
    guard,
    log,
    transaction,
    problems: objectProblems,
    finished: (id) => late.engine?.touchedAgain(id),
    offline: conditions.offline,
    done: (step) => {
      if (step.kind === 'put' || step.kind === 'download') signing.wake();
      const done = describe(step, tree);
      if (done !== undefined) activity.add(done.what, done.path, done.detail);
    },
  });
  const signing = new Signing({
    chunks,
    tree,
    disk,
    hashing,
    clock,
    transaction,
    recheck,
    isBusy: () => !tasks.isIdle() || !indexer.isIdle(),
  });
  const excluded = () => {
    const isUnwanted = places.unwanted();
    return (id: ObjectId) => exclusions.has(id) || isUnwanted(id);
  };
  const engine = new Engine({
    trees,
    tasks,
    guard,
    clock,
    transaction,
    log,
    problems: objectProblems,
    settings: {
      rootId: TREE_ROOT,
      canWrite,
      joinsShares: () => lastSync.ms === undefined,
      awaitedCopy: (id) => trees.awaitedCopy(id),
      conflictName: (name, isTaken) =>
        conflictName({
          name,
          deviceName: identity.deviceName(),
          date: new Date(now()).toISOString().slice(0, 10),
          isTaken,
        }),
    },
    isReady: conditions.isReady,
    isUnsettled: (id) => indexer.isUnsettled(id),
    excluded,
    isLeftAlone: (id) => liesInLeftAlone(trees, id),
    part: (ids) => places.part(ids, excluded()),
    newId: newObjectId,
    breathe: ports.breathe,
  });
  late.engine = engine;
  return {
    trees,
    tree,
    workspaces,
    settings,
    lastSync,
    chunks,
    indexer,
    applier,
    trash,
    following,
    remote,
    engine,
    tasks,
    signing,
    healing,
    guard,
    committer,
    earlyUploads,
    downloader,
    pathProblems,
    objectProblems,
    exclusions,
    kept,
    unwanted: () => {
      const isExcluded = excluded();
      return (id) => liesInLeftAlone(trees, id) || isExcluded(id);
    },
    activity,
    transferred,
    remotePathOf: (id) => pathOf(trees.remote, id, TREE_ROOT),
  };
}
