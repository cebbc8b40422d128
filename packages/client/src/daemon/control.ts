import { isConflictName } from '@satchel/core/conflict-name.ts';
import { CodedError } from '@satchel/protocol/errors.ts';
import type { ObjectId } from '@satchel/protocol/ids.ts';
import type { Activity, Conflict, DaemonControl, DoctorReport, WaitOutcome } from '../control/daemon-control.ts';
import type { ClientDatabase } from '../state/database.ts';
import { TREE_ROOT } from './assembly.ts';
import { resolveConflict } from './conflict-resolution.ts';
import type { Daemon } from './daemon.ts';
import { checkEverything } from './doctor.ts';
import type { StatusReport } from './status.ts';

export interface ControlDeps {
  readonly daemon: Daemon;
  readonly report: StatusReport;
  readonly db: ClientDatabase;
  readonly reloadSettings: () => void;
  readonly stop: () => Promise<void>;
}

/** The daemon as the command line sees it. */
export function createDaemonControl(deps: ControlDeps): DaemonControl {
  const { daemon, report } = deps;
  const { parts } = daemon;
  return {
    status: () => report.status(),
    pathStatus: (paths) => report.pathStatus(paths),
    wait: (signal) => waitForSync(deps, signal),
    pause(untilMs) {
      daemon.pause.set(untilMs);
      parts.activity.add('paused', '');
      parts.engine.wake();
    },
    resume() {
      daemon.pause.clear();
      parts.activity.add('resumed', '');
      daemon.syncNow();
      parts.engine.wake();
    },
    syncNow() {
      daemon.syncNow();
      parts.indexer.hint([{ kind: 'overflow' }]);
      parts.engine.wake();
    },
    async acceptHeld(signal) {
      await daemon.observed(signal);
      const ids = parts.guard.accept();
      for (const id of ids) parts.engine.touchedAgain(id);
      return ids.length;
    },
    undoHeld: (signal) => undoHeld(daemon, signal),
    activity: (limit): readonly Activity[] => parts.activity.last(limit),
    watchActivity: (listener) => parts.activity.watch(listener),
    watchStatus: (listener) => watchStatus(daemon, () => listener(report.status())),
    conflicts: () => conflictsOf(deps),
    resolveConflict: (path, keep) => resolveConflict(daemon, path, keep),
    excluded: () => parts.exclusions.paths(),
    exclude: (path) => parts.exclusions.add(folderAt(daemon, path), path),
    include: (path) => parts.exclusions.remove(folderAt(daemon, path)),
    ignoreWhy(path) {
      const { ignored, rule } = daemon.rules.explain(path, parts.tree.folderAt(path) !== undefined);
      return { path, ignored, rule: rule?.pattern, source: rule?.source, line: rule?.line };
    },
    reloadSettings: deps.reloadSettings,
    doctor: (signal): Promise<DoctorReport> => checkEverything(daemon, { relist: true, signal }),
    stop: deps.stop,
  };
}

/**
 * First the disk and the server, as of the call; then until all that is known is in sync, twice in a row. What waits
 * for a better time is tried once more, so that a problem in the answer is one of now.
 */
async function waitForSync({ daemon, report }: ControlDeps, signal: AbortSignal): Promise<WaitOutcome> {
  let isFresh = false;
  daemon.syncNow();
  while (!signal.aborted) {
    const blocking = report.blocking();
    if (blocking !== undefined) return { outcome: 'blocked', message: blocking };
    if (!isFresh && daemon.isScanned) isFresh = await isRefreshed(daemon, signal);
    const { guard, tasks } = daemon.parts;
    if (isFresh && daemon.isAtRest()) {
      if (guard.isHolding()) return { outcome: 'held' };
      const [problem] = report.standing();
      if (problem !== undefined) return { outcome: 'blocked', message: named(problem) };
      if (daemon.isOnline() && (await isStillInSync(daemon, signal))) return { outcome: 'synced' };
    }
    if (isFresh && guard.isHolding() && tasks.isIdle() && daemon.parts.engine.isIdle()) return { outcome: 'held' };
    const isAway = daemon.isScanned && (!isFresh || !daemon.isOnline());
    await (isAway ? daemon.askedAgain(signal) : daemon.turned(signal));
  }
  throw signal.reason;
}

function named({ path, message }: ReturnType<StatusReport['problems']>[number]): string {
  return path === '' || message.includes(path) ? message : `${path}: ${message}`;
}

/** Whether the disk and the server could both be asked. */
async function isRefreshed(daemon: Daemon, signal: AbortSignal): Promise<boolean> {
  try {
    await daemon.refresh(signal);
    return true;
  } catch (error) {
    if (signal.aborted) throw error;
    return false; // offline, say: it is asked again
  }
}

/** What was seen as in sync may have been the moment before an event came in. */
async function isStillInSync(daemon: Daemon, signal: AbortSignal): Promise<boolean> {
  if (!daemon.isInSync()) return false;
  await daemon.caughtUp();
  await daemon.parts.indexer.settled(signal, { waitForWriters: true });
  return daemon.isInSync() && daemon.isOnline();
}

/** Deletions that are held are undone: what the server has comes back to this disk. */
async function undoHeld(daemon: Daemon, signal: AbortSignal): Promise<number> {
  await daemon.observed(signal);
  const { guard, trees, engine, tasks } = daemon.parts;
  const ids = guard.undo();
  for (const id of ids) {
    // What the server is being asked for is over when it answers.
    if (!tasks.isBusy(id)) trees.removeSynced(id);
    engine.touchedAgain(id);
  }
  return ids.length;
}

function watchStatus(daemon: Daemon, tell: () => void): Disposable {
  const ending = new AbortController();
  const loop = async () => {
    while (!ending.signal.aborted) {
      tell();
      await daemon.turned(ending.signal);
      await daemon.breathe();
    }
  };
  void loop();
  return { [Symbol.dispose]: () => ending.abort() };
}

function conflictsOf({ daemon, db }: ControlDeps): readonly Conflict[] {
  const { tree, trees } = daemon.parts;
  const rows = db.all("SELECT object_id, parent_id, name FROM local WHERE name LIKE '%conflicted copy%'");
  return rows.flatMap((row) => {
    const path = isConflictName(String(row['name'])) ? tree.pathOf(row['object_id'] as ObjectId) : undefined;
    if (path === undefined) return [];
    const name = String(row['name']).replace(/ \(conflicted copy[^)]*\)/, '');
    const original = trees.local.childNamed({ parentId: row['parent_id'] as ObjectId, name });
    return [{ path, original: original === undefined ? undefined : tree.pathOf(original.objectId) }];
  });
}

/** A folder by its path on the server; it need not be on this disk. */
function folderAt(daemon: Daemon, path: string): ObjectId {
  let at: ObjectId = TREE_ROOT;
  for (const name of path.split('/').filter((part) => part !== '')) {
    const node = daemon.parts.trees.remote.childNamed({ parentId: at, name: name.normalize('NFC') });
    if (node === undefined)
      throw new CodedError('not_found', `there is no folder ${path} on the server: 'satchel ls' shows what is there`);
    at = node.objectId;
  }
  if (at === TREE_ROOT)
    throw new CodedError('request_invalid', 'the synced folder itself cannot be excluded: unlink it instead');
  return at;
}
