import { IGNORE_FILE, type IgnoreRules } from '@satchel/core/ignore-rules.ts';
import type { Ping } from '@satchel/protocol/notify.ts';
import { finishIntents, makeClientFolders, recoverReady, sweepParts } from '../apply/recovery.ts';
import { Waker } from '../indexer/waker.ts';
import type { Watch, WatchEvent, Watcher } from '../ports/watcher.ts';
import { followChanges, type FeedState } from '../transfer/change-feed.ts';
import { assemble, type Assembly, type DaemonIdentity, type DaemonPorts, type Preferences } from './assembly.ts';
import { HoldOff } from './hold-off.ts';
import { checkQuietly } from './doctor.ts';
import { Housekeeping } from './housekeeping.ts';
import { bringBackEdited, RECENT_MS } from './late-writes.ts';
import { IgnoreFile } from './ignore-file.ts';
import { distrustAfterUncleanStop, noteCleanStop } from './unclean-stop.ts';
import { PauseSetting } from './pause.ts';
import { Prefetching } from './prefetching.ts';

export interface DaemonOptions {
  readonly ports: DaemonPorts & { readonly watcher: Watcher };
  readonly identity: DaemonIdentity;
  readonly preferences: Preferences & {
    readonly trash: () => { readonly maxAgeMs: number; readonly maxBytes: number };
  };
}

const PLANNING = 'planning';
const RESTART_MS = 1000;
const ROOT_CHECK_MS = 2000;
const OBSERVE_MS = 10_000;
/** How often a server that is away is asked for somebody who waits. */
const ASK_AGAIN_MS = 1000;

/** One device at work: observe, plan, run, record, until it is stopped. */
export class Daemon {
  readonly parts: Assembly;
  readonly pause: PauseSetting;
  readonly #options: DaemonOptions;
  readonly #waker = new Waker();
  readonly #prefetching: Prefetching;
  readonly #holdOff: HoldOff;
  readonly #ignoreFile: IgnoreFile;
  #watch: Watch | undefined;
  #isScanned = false;
  #isListed = false;
  /** Undefined: the server has not been asked yet, or has not answered. */
  #feed: FeedState | undefined;
  #lastActiveMs: number;
  /** Of the present run. */
  #signal: AbortSignal = AbortSignal.abort();

  constructor(options: DaemonOptions) {
    const { ports, identity, preferences } = options;
    this.#options = options;
    this.#lastActiveMs = ports.clock.monotonic();
    this.parts = assemble(ports, identity, preferences, {
      rules: () => this.#ignoreFile.rules,
      isReady: () => this.#isReady(),
      maySend: () => this.#maySend(),
      caughtUp: () => this.caughtUp(),
      offline: () => this.#holdOff.begin(this.#signal),
      takePrefetched: (id) => this.#prefetching.take(id),
      progressed: () => {
        this.#holdOff.succeeded();
        this.#lastActiveMs = ports.clock.monotonic();
      },
    });
    this.#ignoreFile = new IgnoreFile({
      disk: ports.disk,
      problems: this.parts.pathProblems,
      settings: this.parts.settings,
      clock: ports.clock,
    });
    this.pause = new PauseSetting(this.parts.settings, ports.clock);
    this.#holdOff = new HoldOff({ clock: ports.clock, over: (signal) => this.#goOn(signal) });
    this.#prefetching = new Prefetching({ ...this.parts, api: ports.api, disk: ports.disk, clock: ports.clock });
  }

  get isScanned(): boolean {
    return this.#isScanned;
  }

  get feed(): FeedState | undefined {
    return this.#feed;
  }

  /** Wall time in ms. */
  get lastSyncMs(): number | undefined {
    this.#noteSync();
    return this.parts.lastSync.ms;
  }

  get rules(): IgnoreRules {
    return this.#ignoreFile.rules;
  }

  /** Nothing to do here or there, as far as is known. */
  isInSync(): boolean {
    return this.busyWith().length === 0;
  }

  /** What is not done yet, in words. */
  busyWith(): readonly string[] {
    const { indexer, engine, following, tasks, signing } = this.parts;
    const reasons: readonly (readonly [boolean, string])[] = [
      [!this.#isScanned, 'scanning the folder'],
      [this.#ignoreFile.isInDoubt, 'reading the ignore rules'],
      [!this.#isListed, 'asking the server'],
      [!indexer.isIdle(), 'looking at changed files'],
      [!tasks.isIdle(), 'transferring'],
      [tasks.isIdle() && !engine.isIdle(), PLANNING],
      [!signing.isIdle(), 'preparing for small edits of large files'],
      [following.isListing || following.hasGap() || !following.isAtHead(), 'listing changes of the server'],
    ];
    return reasons.flatMap(([applies, what]) => (applies ? [what] : []));
  }

  /** Nothing can be done: in sync, but for what has a problem and what hangs on that. */
  isAtRest(): boolean {
    return this.parts.engine.isAtRest() && this.busyWith().every((what) => what === PLANNING);
  }

  /** Works until aborted; throws only what nothing here can mend. */
  async run(signal: AbortSignal): Promise<void> {
    const { ports } = this.#options;
    this.#signal = signal;
    const housekeeping = new Housekeeping({
      ...this.parts,
      clock: ports.clock,
      recover: () => this.#recover(signal),
      sweep: () => {
        this.#prefetching.dropUnwanted();
        const { applier, unwanted } = this.parts;
        sweepParts(applier, { isUnwanted: unwanted(), isTaken: (id) => this.#prefetching.isFollowing(id) });
      },
      trashLimits: this.#options.preferences.trash,
      isInSync: () => this.isInSync(),
      check: (options) => checkQuietly(this, ports.log, options),
    });
    await Promise.all([
      this.#observe(signal),
      this.#supervise('indexer', signal, () => this.parts.indexer.run(signal)),
      this.#supervise('engine', signal, () => this.parts.engine.run(signal)),
      this.#supervise('signing', signal, () => this.parts.signing.run(signal)),
      this.#supervise('healing', signal, () => this.parts.healing.run(signal)),
      this.#supervise('changes', signal, () => this.#follow(signal)),
      this.#supervise('housekeeping', signal, () => housekeeping.run(signal)),
    ]);
    this.parts.lastSync.save();
    noteCleanStop(this.parts.settings);
  }

  /** Looks at the disk and asks the server, now (`sync now`, `wait`). */
  async refresh(signal: AbortSignal): Promise<void> {
    await bringBackEdited(this.parts, this.#options.ports.clock.now() - RECENT_MS);
    await this.#watch?.caughtUp();
    await this.parts.indexer.settled(signal, { waitForWriters: true });
    await this.parts.following.refresh(signal);
    this.#isListed = true;
    this.parts.engine.wake();
  }

  /** Looks at all that the disk has told of, for some seconds at most. */
  async observed(signal: AbortSignal): Promise<void> {
    const ending = new AbortController();
    const either = AbortSignal.any([signal, ending.signal]);
    void this.#options.ports.clock.delay(OBSERVE_MS, either).then(() => ending.abort());
    try {
      await this.#watch?.caughtUp();
      await this.parts.indexer.settled(either, { waitForWriters: true });
    } catch (error) {
      if (signal.aborted || !either.aborted) throw error;
    } finally {
      ending.abort();
    }
  }

  caughtUp(): Promise<'caught-up' | 'ended'> {
    return this.#watch === undefined ? Promise.resolve('ended') : this.#watch.caughtUp();
  }

  breathe(): Promise<void> {
    return this.#options.ports.breathe();
  }

  /** Tries everything again that waits for a better time. */
  syncNow(): void {
    this.#askAtOnce();
    this.parts.indexer.retryUnreadable();
    for (const id of this.parts.objectProblems.retryAll()) this.parts.engine.touchedAgain(id);
    this.#lastActiveMs = this.#options.ports.clock.monotonic();
    this.#waker.turn();
  }

  /** Whether the server is there, as far as is known. */
  isOnline(): boolean {
    return this.#feed === 'live' || this.#feed === 'polling';
  }

  /** For those who wait for a server that is away: resolves when it is back, or after it was asked once more. */
  async askedAgain(signal: AbortSignal): Promise<void> {
    const ending = new AbortController();
    const either = AbortSignal.any([signal, ending.signal]);
    await Promise.race([this.#waker.turned(either), this.#options.ports.clock.delay(ASK_AGAIN_MS, either)]);
    ending.abort();
    if (!signal.aborted && !this.isOnline()) this.#askAtOnce();
  }

  /** However long the server has been away, and whatever wait came of that. */
  #askAtOnce(): void {
    this.#holdOff.end();
    this.#waker.wake();
  }

  /** Resolves at the next time something may have changed. */
  async turned(signal: AbortSignal): Promise<void> {
    await Promise.race([
      this.parts.engine.turned(signal),
      this.parts.indexer.turned(signal),
      this.parts.signing.turned(signal),
      this.#waker.turned(signal),
    ]);
  }

  #isReady(): boolean {
    const { following, committer } = this.parts;
    const isListed = this.#isListed && !following.isMidway && !following.hasGap();
    const isKnown = isListed && !committer.hasUnanswered();
    return isKnown && this.#maySend() && this.#options.ports.rootProblem() === undefined;
  }

  /** The server may be given work: it can be asked, and the user has not said otherwise. */
  #maySend(): boolean {
    return this.#isScanned && this.isOnline() && !this.#holdOff.isOn() && !this.pause.isPaused();
  }

  /** Watches and scans the folder; starts over when the folder went away and came back. */
  async #observe(signal: AbortSignal): Promise<void> {
    const { ports } = this.#options;
    while (!signal.aborted) {
      await this.#rootInPlace(signal);
      if (signal.aborted) return;
      const ended = new AbortController();
      const either = AbortSignal.any([signal, ended.signal]);
      try {
        await this.#prepare(either);
        this.parts.pathProblems.end('watch_limit');
        await using watch = await ports.watcher.watch(ports.disk.absolute(''), (events) => this.#hear(events, ended));
        this.#watch = watch;
        await this.parts.indexer.scanAll(either);
        if (!this.#isScanned) this.parts.engine.loadDirty();
        this.#isScanned = true;
        this.parts.engine.wake();
        await this.#untilEnded(either);
      } catch (error) {
        if (!either.aborted) {
          ports.log('the synced folder cannot be watched', { error: String(error) });
          await ports.clock.delay(ROOT_CHECK_MS, signal);
        }
      } finally {
        this.#watch = undefined;
      }
    }
  }

  async #prepare(signal: AbortSignal): Promise<void> {
    const { applier } = this.parts;
    makeClientFolders(applier);
    if (!this.#isScanned) {
      finishIntents(applier);
      sweepParts(applier);
      await distrustAfterUncleanStop(this.parts);
    }
    await this.#recover(signal);
    this.#loadRules();
  }

  async #recover(signal: AbortSignal): Promise<void> {
    const { disk, hashing } = this.#options.ports;
    await recoverReady(this.parts.applier, async (path) => {
      const [result] = await hashing.scan([{ path: disk.absolute(path) }], signal);
      return result ?? { outcome: 'unreadable', code: 'ENOENT', message: path };
    });
  }

  #hear(events: readonly WatchEvent[], ended: AbortController): void {
    this.#lastActiveMs = this.#options.ports.clock.monotonic();
    this.parts.indexer.hint(events);
    for (const event of events) {
      const mayBeRules = event.kind === 'overflow' || (event.kind === 'dirty' && event.path === IGNORE_FILE);
      if (mayBeRules) this.#loadRules();
      if (event.kind === 'limit') {
        this.parts.pathProblems.add(
          event.path,
          'watch_limit',
          `the system allows no more watches: ${event.path} is looked at every minute; raise fs.inotify.max_user_watches`,
        );
      }
      if (event.kind === 'unlimited') this.parts.pathProblems.end('watch_limit');
      if (event.kind === 'gone' || event.kind === 'failed')
        ended.abort(new Error(`the watch has ended: ${event.kind}`));
    }
  }

  /** What is ignored no more, here or on the server, is to be looked at and planned again. */
  #loadRules(): void {
    if (!this.#ignoreFile.load()) return;
    this.parts.kept.release({ disk: this.#options.ports.disk, rules: () => this.rules });
    this.parts.indexer.hint([{ kind: 'overflow' }]);
    this.parts.engine.loadDirty();
  }

  async #untilEnded(signal: AbortSignal): Promise<void> {
    const { clock, rootProblem } = this.#options.ports;
    while (!signal.aborted && rootProblem() === undefined) {
      await clock.delay(ROOT_CHECK_MS, signal);
      if (this.pause.hasJustEnded()) this.parts.engine.wake();
      if (this.#ignoreFile.isUncertain) this.#loadRules();
      this.#noteSync();
    }
  }

  #noteSync(): void {
    if (this.isInSync() && this.isOnline()) this.parts.lastSync.note(this.#options.ports.clock.now());
  }

  async #rootInPlace(signal: AbortSignal): Promise<void> {
    const { clock, rootProblem } = this.#options.ports;
    while (!signal.aborted && rootProblem() !== undefined) await clock.delay(ROOT_CHECK_MS, signal);
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { api, clock, random } = this.#options.ports;
    const idleMs = () => clock.monotonic() - this.#lastActiveMs;
    const rest = (ms: number, during: AbortSignal) => this.#waker.sleep(clock, clock.monotonic() + ms, during);
    const deps = { api, clock, random, idleMs, rest };
    const listener = {
      ping: (ping: Ping) => void this.#heardPing(ping, signal),
      refresh: async (during: AbortSignal) => {
        await this.parts.committer.resendPending(during);
        await this.parts.following.refresh(during);
        this.#isListed = true;
        this.parts.engine.wake();
        this.parts.healing.ask(this.#feed === 'live' ? 'soon' : 'routinely');
      },
      isBehind: () => !this.parts.following.isAtHead(),
      state: (state: FeedState) => {
        this.#feed = state;
        this.parts.engine.wake();
        this.#waker.turn();
      },
    };
    await followChanges(deps, listener, signal);
  }

  async #heardPing(ping: Ping, signal: AbortSignal): Promise<void> {
    this.#lastActiveMs = this.#options.ports.clock.monotonic();
    try {
      if (ping.workspaces === true) await this.parts.following.refresh(signal);
      if (ping.damaged === true) this.parts.healing.ask('soon');
      if (ping.workspace === undefined) return;
      if (ping.seq !== undefined) await this.parts.following.heard(ping.workspace, ping.seq, signal);
      if (ping.upload !== undefined && this.#isReady())
        await this.#prefetching.heard(ping.workspace, ping.upload, signal);
    } catch (error) {
      // A ping is a hint (S9): what it would have brought comes with the next listing.
      if (!signal.aborted) this.#options.ports.log('a ping could not be followed', { error: String(error) });
    }
  }

  /** First of all it has to be known what became of the commits that were not answered. */
  async #goOn(signal: AbortSignal): Promise<void> {
    try {
      await this.parts.committer.resendPending(signal);
    } catch (error) {
      if (signal.aborted) return;
      this.#options.ports.log('a commit is still without an answer', { error: String(error) });
      this.#holdOff.begin(signal);
    }
    this.parts.engine.wake();
  }

  /** A loop that fails is a defect: it is logged and started again, so that one fault does not end the device. */
  async #supervise(name: string, signal: AbortSignal, work: () => Promise<void>): Promise<void> {
    const { clock, log } = this.#options.ports;
    while (!signal.aborted) {
      try {
        await work();
      } catch (error) {
        if (signal.aborted) return;
        log(`the ${name} loop failed and starts again`, {
          error: error instanceof Error ? error.stack : String(error),
        });
        await clock.delay(RESTART_MS, signal);
      }
    }
  }
}
