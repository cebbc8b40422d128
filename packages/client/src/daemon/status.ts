import type { DaemonStatus, PathStatus, SyncState } from '../control/daemon-control.ts';
import { objectAt } from '../state/paths.ts';
import type { ClientDatabase } from '../state/database.ts';
import type { SessionState } from '../ports/server-api.ts';
import type { ProblemCode } from '../indexer/problems.ts';
import { TREE_ROOT } from './assembly.ts';
import type { Daemon } from './daemon.ts';
import type { RootProblem } from '../ports/root-guard.ts';
import { DriveCounts } from './drive-counts.ts';
import { TransferRates } from './transfer-rates.ts';

export interface StatusDeps {
  readonly daemon: Daemon;
  readonly db: ClientDatabase;
  readonly rootProblem: () => RootProblem | undefined;
  readonly session: () => SessionState;
  readonly about: {
    readonly root: string;
    readonly server: string;
    readonly account: string;
    readonly device: () => string;
  };
  readonly monotonic: () => number;
}

/** Left alone on purpose: everything else is in sync without them. */
const HARMLESS: ReadonlySet<string> = new Set<ProblemCode>([
  'special_file',
  'name_not_unicode',
  'name_invalid',
  'name_clash',
  'symlink_outside',
  'other_file_system',
  'watch_limit',
  'ignore_file',
]);
/** Objects that are looked at one by one to tell what is pending; beyond it their number is enough. */
const COUNTED = 1000;

type Problems = DaemonStatus['problems'];

/** What the daemon knows of itself, from memory and its own database; true at every moment it is asked (H103). */
export class StatusReport {
  readonly #deps: StatusDeps;
  readonly #rates: TransferRates;
  readonly #counts: DriveCounts;

  constructor(deps: StatusDeps) {
    this.#deps = deps;
    this.#rates = new TransferRates(deps.monotonic);
    this.#counts = new DriveCounts(deps.db, deps.monotonic);
  }

  status(): DaemonStatus {
    const { daemon, about } = this.#deps;
    const { parts, pause } = daemon;
    const until = pause.until();
    const held = parts.guard.held((id) => this.#pathOf(id));
    const state = this.#state();
    const { files, conflicts } = this.#counts.now(state === 'syncing');
    return {
      state,
      root: about.root,
      server: about.server,
      account: about.account,
      device: about.device(),
      scanned: daemon.isScanned,
      pending: this.#pending(),
      problems: this.problems(),
      conflicts,
      held: held === undefined ? null : { ...held, since: new Date(held.since).toISOString() },
      busyWith: daemon.busyWith(),
      lastSyncAt: daemon.lastSyncMs === undefined ? null : new Date(daemon.lastSyncMs).toISOString(),
      pausedUntil: until === undefined || until === Infinity ? null : new Date(until).toISOString(),
      rates: this.#rates.of(parts.transferred),
      files,
      pid: process.pid,
    };
  }

  /** Why waiting would not help, apart from a hold. */
  blocking(): string | undefined {
    const root = this.#deps.rootProblem();
    if (root !== undefined) return root.message;
    const signIn = this.#signInProblem();
    if (signIn !== undefined) return signIn.message;
    if (this.#deps.daemon.pause.isPaused()) return "syncing is paused: run 'satchel resume'";
    return undefined;
  }

  #signInProblem(): Problems[number] | undefined {
    const session = this.#deps.session();
    if (session === 'signed_in') return undefined;
    if (session === 'device_revoked')
      return { path: '', code: session, message: "this device was signed out: 'satchel login' signs it in again" };
    return { path: '', code: 'sign_in_required', message: "sign-in is needed: run 'satchel login'" };
  }

  /** Problems because of which something is not in sync. */
  standing(): Problems {
    return this.problems().filter(({ code }) => !HARMLESS.has(code));
  }

  problems(): Problems {
    const { parts } = this.#deps.daemon;
    const root = this.#deps.rootProblem();
    const objects = parts.objectProblems
      .all()
      .map(({ objectId, code, message }) => ({ path: this.#pathOf(objectId) ?? '', code, message }));
    const whole = [root === undefined ? undefined : { path: '', ...root }, this.#signInProblem()];
    return [...whole.filter((one) => one !== undefined), ...parts.pathProblems.all(), ...objects];
  }

  pathStatus(paths: readonly string[]): readonly PathStatus[] {
    const problems = new Map(this.problems().map((problem) => [problem.path, problem.message]));
    return paths.map((path) => this.#pathStatus(path, problems));
  }

  #pathStatus(path: string, problems: ReadonlyMap<string, string>): PathStatus {
    const { parts, rules } = this.#deps.daemon;
    const message = problems.get(path);
    if (message !== undefined) return { path, state: 'problem', message };
    if (path !== '' && rules.ignores(path, false)) return { path, state: 'ignored' };
    const row = path === '' ? undefined : objectAt(parts.trees.local, path, TREE_ROOT);
    if (row === undefined) {
      const isExcluded = parts.exclusions.paths().some((folder) => path === folder || path.startsWith(`${folder}/`));
      const absent = isExcluded ? 'excluded' : 'unknown';
      return { path, state: path === '' ? 'synced' : absent };
    }
    if (parts.exclusions.has(row.objectId)) return { path, state: 'excluded' };
    const isSettled = parts.trees.synced.get(row.objectId) !== undefined && !parts.engine.isOutstanding(row.objectId);
    return { path, state: isSettled ? 'synced' : 'syncing' };
  }

  #state(): SyncState {
    const { daemon } = this.#deps;
    if (daemon.pause.isPaused()) return 'paused';
    if (this.blocking() !== undefined) return 'error';
    if (daemon.feed === 'offline' || daemon.feed === 'signed_out') return 'offline';
    if (daemon.parts.guard.isHolding()) return 'held';
    if (daemon.isAtRest() && this.standing().length > 0) return 'error';
    return daemon.isInSync() ? 'synced' : 'syncing';
  }

  #pending(): DaemonStatus['pending'] {
    const { parts } = this.#deps.daemon;
    const sum = { ...parts.tasks.running() };
    const early = parts.earlyUploads.running();
    sum.uploads += early.uploads;
    sum.bytesUp += early.bytesUp;
    let counted = 0;
    for (const id of parts.engine.outstanding()) {
      if (parts.tasks.isBusy(id) || ++counted > COUNTED) continue;
      const [local, remote, synced] = [
        parts.trees.local.get(id),
        parts.trees.remote.get(id),
        parts.trees.synced.get(id),
      ];
      const localHash = local?.content.kind === 'file' ? local.content : undefined;
      const isUp =
        local !== undefined &&
        (synced === undefined ||
          (localHash !== undefined && synced.content.kind === 'file' && synced.content.hash !== localHash.hash));
      if (isUp && remote === undefined) {
        sum.uploads++;
        sum.bytesUp += localHash?.size ?? 0;
      } else if (local === undefined && remote !== undefined && remote.deleted !== true) {
        sum.downloads++;
        sum.bytesDown += remote.content.kind === 'file' ? remote.content.size : 0;
      }
    }
    return sum;
  }

  #pathOf(id: Parameters<Daemon['parts']['tree']['pathOf']>[0]): string | undefined {
    const { parts } = this.#deps.daemon;
    return parts.tree.pathOf(id) ?? parts.remotePathOf(id);
  }
}
