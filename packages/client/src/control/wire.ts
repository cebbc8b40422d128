import type {
  Activity,
  Conflict,
  DaemonStatus,
  DoctorReport,
  IgnoreAnswer,
  PathStatus,
  WaitOutcome,
} from './daemon-control.ts';

/**
 * What the command line and the daemon say to each other: one line of JSON each way, over a Unix socket that only the
 * user can open. A connection carries one request; of a stream the events follow until either side closes.
 */
export const CONTROL_VERSION = 1;

/** A longer line is none of ours. */
export const MOST_LINE_BYTES = 16 * 1024 * 1024;

/** `params` and `answer` of every call. */
export interface ControlCalls {
  readonly status: { readonly params: object; readonly answer: DaemonStatus };
  readonly pathStatus: {
    readonly params: { readonly paths: readonly string[] };
    readonly answer: readonly PathStatus[];
  };
  readonly wait: { readonly params: object; readonly answer: WaitOutcome };
  readonly pause: { readonly params: { readonly untilMs?: number }; readonly answer: object };
  readonly resume: { readonly params: object; readonly answer: object };
  readonly syncNow: { readonly params: object; readonly answer: object };
  readonly acceptHeld: { readonly params: object; readonly answer: { readonly count: number } };
  readonly undoHeld: { readonly params: object; readonly answer: { readonly count: number } };
  readonly activity: { readonly params: { readonly limit: number }; readonly answer: readonly Activity[] };
  readonly conflicts: { readonly params: object; readonly answer: readonly Conflict[] };
  readonly resolveConflict: {
    readonly params: { readonly path: string; readonly keep: 'local' | 'remote' | 'both' };
    readonly answer: object;
  };
  readonly excluded: { readonly params: object; readonly answer: readonly string[] };
  readonly exclude: { readonly params: { readonly path: string }; readonly answer: object };
  readonly include: { readonly params: { readonly path: string }; readonly answer: object };
  readonly ignoreWhy: { readonly params: { readonly path: string }; readonly answer: IgnoreAnswer };
  readonly reloadSettings: { readonly params: object; readonly answer: object };
  readonly doctor: { readonly params: object; readonly answer: DoctorReport };
  /** Answered when it has begun; the daemon is gone when its lock is free. */
  readonly stop: { readonly params: object; readonly answer: object };
}
export type ControlCall = keyof ControlCalls;

export interface ControlStreams {
  readonly watchActivity: { readonly params: object; readonly event: Activity };
  readonly watchStatus: { readonly params: object; readonly event: DaemonStatus };
}
export type ControlStream = keyof ControlStreams;

export interface ControlRequest {
  readonly version: number;
  readonly method: string;
  readonly params: Readonly<Record<string, unknown>>;
}

export type ControlReply =
  | { readonly answer: unknown }
  | { readonly event: unknown }
  | { readonly error: { readonly code: string; readonly message: string } };

const FIRST_LINE_BYTES = 4096;

/**
 * Cuts what arrives into lines. What is kept of an unfinished one is copied, so that pieces of a byte each do not
 * hold a buffer each. Throws RangeError for an endless one.
 */
export function createLineReader(take: (line: string) => void): (bytes: Buffer) => void {
  let kept = Buffer.alloc(FIRST_LINE_BYTES);
  let length = 0;
  const keep = (bytes: Buffer): void => {
    if (length + bytes.length > MOST_LINE_BYTES) throw new RangeError('A line of the control socket is too long.');
    if (length + bytes.length > kept.length) {
      const larger = Buffer.alloc(Math.max(2 * kept.length, length + bytes.length));
      kept.copy(larger, 0, 0, length);
      kept = larger;
    }
    bytes.copy(kept, length);
    length += bytes.length;
  };
  return (bytes) => {
    let from = 0;
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, from)) {
      keep(bytes.subarray(from, end));
      const line = kept.toString('utf8', 0, length);
      length = 0;
      from = end + 1;
      take(line);
    }
    keep(bytes.subarray(from));
  };
}
