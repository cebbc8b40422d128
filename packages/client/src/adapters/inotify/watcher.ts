import type { Watcher, WatchListener } from '../../ports/watcher.ts';
import type { NativeCalls } from '../native-calls.ts';
import { createTreePoller, dirtyFolder, restAfter, type PollSettings } from '../tree-poller.ts';
import { InotifyWatch } from './watch.ts';

export interface InotifyWatcher extends Watcher {
  watch(root: string, listener: WatchListener): Promise<InotifyWatch>;
}

/**
 * The watcher for local file systems on Linux: one watch per folder, none per file (docs/decisions/0003). Needs a
 * mounted /proc. `settings` are for the folders that get no watch (H77).
 */
export function createInotifyWatcher(calls: NativeCalls, settings: PollSettings): InotifyWatcher {
  return {
    async watch(root, listener) {
      const poller = createTreePoller(root, settings.privateFolder);
      let sweeps: Promise<void> = Promise.resolve();
      const sweepAfter = async (others: Promise<void>): Promise<void> => {
        await others;
        const changed = await poller.sweep(watch.unwatched(), watch.over);
        watch.report(changed.map(dirtyFolder));
      };
      /** One that begins after this call: one that is under way may have passed a change by. */
      const sweep = (): Promise<void> => (sweeps = sweepAfter(sweeps));
      const watch: InotifyWatch = new InotifyWatch(calls, {
        root,
        privateFolder: settings.privateFolder,
        listener,
        limited: () => void pollUnwatched(watch, sweep, settings),
        sweep,
      });
      await watch.begin();
      return watch;
    },
  };
}

/** Until the watch ends or every folder has a watch after all; `limited` is called again when they run out anew. */
async function pollUnwatched(watch: InotifyWatch, sweep: () => Promise<void>, settings: PollSettings): Promise<void> {
  while (!watch.over.aborted) {
    const begun = settings.clock.monotonic();
    await sweep();
    await restAfter(settings.clock.monotonic() - begun, settings, watch.over);
    watch.retryUnwatched();
    if (watch.unwatched().length > 0) continue;
    watch.report([{ kind: 'unlimited' }]);
    return;
  }
}
