import { lstat } from 'node:fs/promises';
import type { Watch, Watcher, WatchEvent, WatchListener } from '../ports/watcher.ts';
import { callError } from './native-calls.ts';
import { createTreePoller, dirtyFolder, restAfter, type PollSettings } from './tree-poller.ts';

/** The watcher for where there are no events (NFS, SMB, other systems): looks at everything, again and again. */
export function createScanWatcher(settings: PollSettings): Watcher {
  return {
    async watch(root, listener) {
      await lstat(root); // Throws ENOENT.
      const identity = await identityOf(root);
      if (identity === undefined) throw callError('ENOTDIR', 'watch', [root]);
      const watch = new ScanWatch({ root, identity, listener, settings });
      await watch.begin();
      return watch;
    },
  };
}

interface ScanWatchOptions {
  readonly root: string;
  readonly identity: string;
  readonly listener: WatchListener;
  readonly settings: PollSettings;
}

class ScanWatch implements Watch {
  readonly #options: ScanWatchOptions;
  readonly #poller;
  readonly #over = new AbortController();
  #sweeps: Promise<void> = Promise.resolve();
  #loop: Promise<void> | undefined;

  constructor(options: ScanWatchOptions) {
    this.#options = options;
    this.#poller = createTreePoller(options.root, options.settings.privateFolder);
  }

  /** The first sweep only learns what is there. */
  async begin(): Promise<void> {
    await this.#poller.sweep([''], this.#over.signal);
    this.#loop = this.#run();
  }

  async caughtUp(): Promise<'caught-up' | 'ended'> {
    await this.#sweep();
    return this.#over.signal.aborted ? 'ended' : 'caught-up';
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over.abort();
    await this.#loop;
    await this.#sweeps;
  }

  async #run(): Promise<void> {
    const { settings } = this.#options;
    let sweepMs = 0;
    for (;;) {
      await restAfter(sweepMs, settings, this.#over.signal);
      if (this.#over.signal.aborted) return;
      const begun = settings.clock.monotonic();
      await this.#sweep();
      sweepMs = settings.clock.monotonic() - begun;
    }
  }

  /** A sweep that begins after this call: one that is under way may have passed the change by. */
  #sweep(): Promise<void> {
    this.#sweeps = this.#sweeps.then(() => this.#sweepNow());
    return this.#sweeps;
  }

  async #sweepNow(): Promise<void> {
    const { signal } = this.#over;
    if (signal.aborted) return;
    try {
      const dirty = await this.#poller.sweep([''], signal);
      // Asked afterwards, so that a root which vanished meanwhile does not look like one that was emptied.
      if ((await identityOf(this.#options.root)) !== this.#options.identity) this.#end({ kind: 'gone' });
      else if (dirty.length > 0 && !signal.aborted) this.#options.listener(dirty.map(dirtyFolder));
    } catch (error) {
      this.#end({ kind: 'failed', error: error as Error });
    }
  }

  #end(last: WatchEvent): void {
    if (this.#over.signal.aborted) return;
    this.#over.abort();
    this.#options.listener([last]);
  }
}

/** Undefined when no folder is there. */
async function identityOf(root: string): Promise<string | undefined> {
  try {
    const stat = await lstat(root);
    // The birth time tells a new folder from an old one whose inode number it has got.
    return stat.isDirectory() ? `${stat.dev}:${stat.ino}:${stat.birthtimeMs}` : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
