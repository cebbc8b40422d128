/**
 * What the daemon answers to the command line and the local status page. Everything comes from its memory and its
 * database; nothing waits for the server but `wait` and `syncNow`.
 */
export interface DaemonControl {
  status(): DaemonStatus;
  /** What is known of paths below the root. */
  pathStatus(paths: readonly string[]): readonly PathStatus[];
  /** First looks at the disk and asks the server; then resolves when all that is known is in sync, or when it cannot be. */
  wait(signal: AbortSignal): Promise<WaitOutcome>;
  pause(untilMs: number | undefined): void;
  resume(): void;
  syncNow(): void;
  /** Both look at the disk first, for some seconds at most: they decide on all that is deleted by now. */
  acceptHeld(signal: AbortSignal): Promise<number>;
  undoHeld(signal: AbortSignal): Promise<number>;
  activity(limit: number): readonly Activity[];
  watchActivity(listener: (activity: Activity) => void): Disposable;
  watchStatus(listener: (status: DaemonStatus) => void): Disposable;
  conflicts(): readonly Conflict[];
  /** Settles a conflicted copy; throws a CodedError when the path is none. */
  resolveConflict(path: string, keep: 'local' | 'remote' | 'both'): Promise<void>;
  excluded(): readonly string[];
  /** Folder paths relative to the root; the server keeps what is removed here. */
  exclude(path: string): void;
  include(path: string): void;
  ignoreWhy(path: string): IgnoreAnswer;
  /** A setting of `config.ts` was changed on disk: take it over. */
  reloadSettings(): void;
  /** Walks disk, Local, Synced, Remote and server hop by hop and mends what it can. */
  doctor(signal: AbortSignal): Promise<DoctorReport>;
  /** Ends the daemon; resolves when everything is closed. */
  stop(): Promise<void>;
}

export type SyncState = 'synced' | 'syncing' | 'paused' | 'offline' | 'held' | 'error';

export interface DaemonStatus {
  readonly state: SyncState;
  readonly root: string;
  readonly server: string;
  readonly account: string;
  readonly device: string;
  /** The start-up scan is complete. */
  readonly scanned: boolean;
  readonly pending: {
    readonly uploads: number;
    readonly downloads: number;
    readonly bytesUp: number;
    readonly bytesDown: number;
  };
  readonly problems: readonly { readonly path: string; readonly code: string; readonly message: string }[];
  readonly conflicts: number;
  readonly held: { readonly deletes: number; readonly sample: readonly string[]; readonly since: string } | null;
  /** What keeps it from being in sync, while it is not. */
  readonly busyWith: readonly string[];
  /** ISO 8601; null before the first time. */
  readonly lastSyncAt: string | null;
  readonly pausedUntil: string | null;
  readonly rates: { readonly bytesPerSecondUp: number; readonly bytesPerSecondDown: number };
  readonly files: number;
  readonly pid: number;
}

export interface PathStatus {
  readonly path: string;
  readonly state: 'synced' | 'syncing' | 'ignored' | 'excluded' | 'problem' | 'unknown';
  readonly message?: string;
}

export type WaitOutcome =
  | { readonly outcome: 'synced' }
  | { readonly outcome: 'held' }
  /** It cannot become synced by waiting: problems, paused, signed out, root gone. */
  | { readonly outcome: 'blocked'; readonly message: string };

export interface Activity {
  /** ISO 8601. */
  readonly at: string;
  readonly what: string;
  readonly path: string;
  readonly detail?: string;
}

export interface Conflict {
  /** The conflicted copy. */
  readonly path: string;
  /** What it is a copy of, when that is still there. */
  readonly original: string | undefined;
}

export interface IgnoreAnswer {
  readonly path: string;
  readonly ignored: boolean;
  readonly rule: string | undefined;
  readonly source: string | undefined;
  readonly line: number | undefined;
}

export interface DoctorReport {
  readonly checked: { readonly objects: number; readonly files: number; readonly workspaces: number };
  readonly findings: readonly {
    readonly code: string;
    readonly path: string;
    readonly message: string;
    readonly repaired: boolean;
  }[];
}
