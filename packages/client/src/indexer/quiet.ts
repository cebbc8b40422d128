/** How long after its last event a file is left alone before it is read, in ms. */
export const QUIET = {
  /** A writer has closed it: nothing to wait for. */
  closedMs: 0,
  /** Seen by a scan or made without a writer being noticed. */
  openMs: 300,
  /** A writer still has it open; the pause that makes a snapshot of it (H1). */
  writingMs: 2000,
  /** The longest that changes without a pause put off the reading of a file (H2). */
  longestMs: 10 * 60_000,
  /** A file with content that is now empty: most often truncated to be written again (H10). */
  emptiedMs: 3000,
  /** A vanished or moved object, until its place in the plan is taken for meant (H9). */
  settleMs: 150,
  /** The same for what looks like an editor's backup of a file that is about to be written anew (H9). */
  backupMs: 4000,
  /** The longest that a deletion in progress holds up the proof of what is gone already. */
  deletionMs: 1000,
  /** Between two tries to prove what is gone. */
  proofMs: 20,
  /** Until the absence of something is looked at again whose folder is in question too. */
  unknownMs: 1000,
} as const;

/** A file without a change for this long when its turn comes, or read this long ago, is not one that never stops. */
const RESTED_MS = 500;
const CALM_MS = 1000;
const FREE_READS = 8;
const FIRST_BACKOFF_MS = 2000;
const LAST_BACKOFF_MS = 10 * 60_000;
const REMEMBERED = 1000;

/** Backs off from files that never stop changing (H2): after some reads in a short time, 2 s doubling to 10 min. */
export class ChangeRate {
  readonly #reads = new Map<string, { count: number; last: number }>();

  /**
   * Call when a file is read because it had changed.
   * @param changedAt when its last change was noticed: a file that has rested since is calm
   */
  read(path: string, now: number, changedAt: number): void {
    const known = this.#reads.get(path);
    const hasRested =
      now - changedAt > RESTED_MS || known === undefined || now - known.last > this.delay(path) + CALM_MS;
    this.#reads.delete(path);
    this.#reads.set(path, { count: hasRested ? 1 : known.count + 1, last: now });
    if (this.#reads.size <= REMEMBERED) return;
    const coldest = this.#reads.keys().next();
    if (!coldest.done) this.#reads.delete(coldest.value);
  }

  /** Extra delay before the next read, in ms. */
  delay(path: string): number {
    const count = this.#reads.get(path)?.count ?? 0;
    if (count < FREE_READS) return 0;
    return Math.min(FIRST_BACKOFF_MS * 2 ** Math.min(count - FREE_READS, 16), LAST_BACKOFF_MS);
  }
}

/** Whether `to` is a name under which editors keep the old content of `from` while they write it anew (H9). */
export function isBackupName(from: string, to: string): boolean {
  const stem = from.replace(/\.[^.]*$/, '');
  return (
    to === `${from}~` ||
    to === `#${from}#` ||
    [`${from}.bak`, `${from}.old`, `${from}.orig`, `${from}.tmp`, `${stem}.bak`, `${stem}.tmp`].includes(to) ||
    /^(~wr[dla]|~\$|\.~|[0-9A-F]{8}$|ppt[0-9A-F]+\.tmp$).*/i.test(to) ||
    /\.(tmp|sb-[0-9a-f]+-[A-Za-z]+)$/i.test(to)
  );
}
