import type { Activity, DaemonControl, DaemonStatus, WaitOutcome } from './daemon-control.ts';

export const RESTING: DaemonStatus = {
  state: 'synced',
  root: '/home/ann/Satchel',
  server: 'http://127.0.0.1:7420',
  account: 'ann@example.test',
  device: 'laptop',
  scanned: true,
  pending: { uploads: 0, downloads: 0, bytesUp: 0, bytesDown: 0 },
  problems: [],
  conflicts: 0,
  held: null,
  busyWith: [],
  lastSyncAt: '2026-11-20T08:15:04.000Z',
  pausedUntil: null,
  rates: { bytesPerSecondUp: 0, bytesPerSecondDown: 0 },
  files: 3,
  pid: process.pid,
};

/** A DaemonControl in memory that writes down what it is asked. */
export interface ControlFixture extends DaemonControl {
  readonly calls: string[];
  readonly become: (change: Partial<DaemonStatus>) => void;
  readonly happen: (activity: Activity) => void;
  /** What `wait` answers; until it is set, it waits for its signal. */
  readonly endWait: (outcome: WaitOutcome) => void;
  readonly watchers: () => number;
}

export function createControlFixture(root = RESTING.root): ControlFixture {
  const calls: string[] = [];
  const past: Activity[] = [{ at: '2026-11-20T08:00:00.000Z', what: 'uploaded', path: 'note.txt' }];
  const statusListeners = new Set<(status: DaemonStatus) => void>();
  const activityListeners = new Set<(activity: Activity) => void>();
  const waiting = Promise.withResolvers<WaitOutcome>();
  let now: DaemonStatus = { ...RESTING, root };
  const become = (change: Partial<DaemonStatus>): void => {
    now = { ...now, ...change };
    for (const listener of statusListeners) listener(now);
  };
  const listen = <T>(listeners: Set<(event: T) => void>, listener: (event: T) => void): Disposable => {
    listeners.add(listener);
    return { [Symbol.dispose]: () => void listeners.delete(listener) };
  };
  return {
    calls,
    become,
    happen: (activity) => activityListeners.forEach((listener) => listener(activity)),
    endWait: waiting.resolve,
    watchers: () => statusListeners.size + activityListeners.size,
    status: () => now,
    pathStatus: (paths) => paths.map((path) => ({ path, state: path === 'gone' ? 'unknown' : 'synced' })),
    wait(signal) {
      calls.push('wait');
      signal.addEventListener('abort', () => {
        calls.push('wait aborted');
        waiting.reject(new Error('aborted'));
      });
      return waiting.promise;
    },
    pause(untilMs) {
      calls.push(untilMs === undefined ? 'pause' : 'pause until');
      become({ state: 'paused', pausedUntil: untilMs === undefined ? null : new Date(untilMs).toISOString() });
    },
    resume() {
      calls.push('resume');
      become({ state: 'synced', pausedUntil: null });
    },
    syncNow: () => void calls.push('syncNow'),
    acceptHeld: async () => 1200,
    undoHeld: async () => 0,
    activity: (limit) => past.slice(-limit),
    watchActivity: (listener) => listen(activityListeners, listener),
    watchStatus: (listener) => listen(statusListeners, listener),
    conflicts: () => [{ path: 'a (conflicted copy from b, 2026-11-20)', original: 'a' }],
    async resolveConflict(path, keep) {
      if (path === 'none') throw Object.assign(new Error(`${path} is no conflicted copy.`), { code: 'not_found' });
      calls.push(`resolve ${path} ${keep}`);
    },
    excluded: () => ['films'],
    exclude: (path) => void calls.push(`exclude ${path}`),
    include: (path) => void calls.push(`include ${path}`),
    ignoreWhy: (path) => ({ path, ignored: false, rule: undefined, source: undefined, line: undefined }),
    reloadSettings: () => void calls.push('reloadSettings'),
    doctor: async () => ({ checked: { objects: 3, files: 3, workspaces: 1 }, findings: [] }),
    stop: async () => void calls.push('stop'),
  };
}
