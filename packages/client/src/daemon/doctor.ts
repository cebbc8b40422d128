import { digestText } from '@satchel/core/digest.ts';
import { isSettled } from '@satchel/core/diff.ts';
import type { DoctorReport } from '../control/daemon-control.ts';
import { isStill } from '../apply/applier.ts';
import type { Daemon } from './daemon.ts';
import { TREE_ROOT } from './assembly.ts';
import type { ObjectId } from '@satchel/protocol/ids.ts';

type Finding = DoctorReport['findings'][number];

export interface CheckOptions {
  /** Lists every workspace anew, not only those whose digest differs. */
  readonly relist: boolean;
  readonly signal: AbortSignal;
}

/**
 * Walks hop by hop: disk ↔ Local ↔ Synced ↔ Remote ↔ server, and mends by looking again: a row that the disk
 * contradicts is rescanned, a workspace whose digest differs is listed anew, and the server is asked what it has lost.
 */
export async function checkEverything(daemon: Daemon, { relist, signal }: CheckOptions): Promise<DoctorReport> {
  const findings: Finding[] = [];
  await daemon.refresh(signal);
  const files = await checkDisk(daemon, findings);
  const objects = checkTrees(daemon, findings);
  daemon.parts.healing.ask('soon');
  const workspaces = await checkWorkspaces(daemon, findings, { relist, signal });
  return { checked: { objects, files, workspaces }, findings };
}

type Log = (message: string, details?: Readonly<Record<string, unknown>>) => void;

/** The same at a quiet moment, into the log. False when there was none: to be tried again soon. */
export async function checkQuietly(daemon: Daemon, log: Log, options: CheckOptions): Promise<boolean> {
  if (!daemon.isOnline() || !daemon.isAtRest()) return false;
  const { checked, findings } = await checkEverything(daemon, options);
  log(findings.length === 0 ? 'everything agrees' : 'what did not agree is mended', { checked, findings });
  return true;
}

async function checkDisk(daemon: Daemon, findings: Finding[]): Promise<number> {
  const { trees, tree, indexer, applier } = daemon.parts;
  const waiting: ObjectId[] = [TREE_ROOT];
  let seen = 0;
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    for (const row of trees.local.children(at)) {
      if (row.content.kind === 'folder') waiting.push(row.objectId);
      if (row.presence === 'unknown') continue;
      seen++;
      const path = tree.pathOf(row.objectId);
      const stat = path === undefined ? undefined : applier.deps.disk.stat(path);
      if (path !== undefined && stat !== undefined && isStill(row, stat)) continue;
      findings.push({
        code: 'disk_differs',
        path: path ?? row.name,
        message: 'the disk is not as it was last seen: it is looked at again',
        repaired: true,
      });
      if (path !== undefined) indexer.recheck([path]);
    }
    if (seen % 1000 === 0) await daemon.breathe();
  }
  return seen;
}

function checkTrees(daemon: Daemon, findings: Finding[]): number {
  const { trees, engine, tree, objectProblems, guard } = daemon.parts;
  const isUnwanted = daemon.parts.unwanted();
  let seen = 0;
  for (const id of trees.differing()) {
    seen++;
    const [local, remote, synced] = [trees.local.get(id), trees.remote.get(id), trees.synced.get(id)];
    const isFine = local !== undefined && remote !== undefined && isSettled(local, remote, synced);
    // The note that it was deleted may outlive what it was about: neither side has it.
    const isGone = local === undefined && synced === undefined && remote?.deleted === true;
    if (isFine || isGone || local?.presence === 'unknown' || engine.isOutstanding(id)) continue;
    if (local === undefined && isUnwanted(id)) continue;
    // The status tells of these: they wait for a person, not for a plan.
    if (objectProblems.isWaiting(id) || guard.isHeld(id)) continue;
    findings.push({
      code: 'trees_differ',
      path: tree.pathOf(id) ?? id,
      message: 'this device and the server differ and nothing was going to be done: it is planned now',
      repaired: true,
    });
    engine.touchedAgain(id);
  }
  return trees.synced.count() + seen;
}

async function checkWorkspaces(daemon: Daemon, findings: Finding[], { relist, signal }: CheckOptions): Promise<number> {
  const { workspaces, remote, following } = daemon.parts;
  const all = workspaces.all();
  for (const workspace of all) {
    const digest = digestText(remote.digestOf(workspace));
    const differs = digest !== workspace.digest;
    if (differs) {
      findings.push({
        code: 'digest_differs',
        path: workspace.workspaceId,
        message: 'the digest kept here is not that of the rows: everything is listed anew',
        repaired: true,
      });
    }
    if (relist || differs) await following.relist(workspace.workspaceId, signal);
  }
  return all.length;
}
