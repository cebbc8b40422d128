import { watcherContract } from '../ports/watcher.contract.ts';
import { createScanWatcher } from './scan-watcher.ts';
import type { PollClock } from './tree-poller.ts';

/** The interval never ends: sweeps happen when a test asks for one. */
const asleep: PollClock = {
  monotonic: () => performance.now(),
  delay: (_, signal) => new Promise((resolve) => signal?.addEventListener('abort', () => resolve(), { once: true })),
};

watcherContract('scan', () => ({
  watcher: createScanWatcher({ privateFolder: '.satchel', intervalMs: 1, clock: asleep }),
  precise: false,
}));
