import type { CommandContext } from './command-spec.ts';
import { CommandError } from './command-error.ts';
import { displayText } from './display.ts';
import { EXIT } from './exit-codes.ts';
import { failureOf } from './failure.ts';
import { createProgress, type Progress } from './progress.ts';

/** A file that was transferred, or was not: a line of `--json`. */
export interface Transferred {
  /** On the server. */
  readonly path: string;
  /** On this disk; '-' for a pipe. */
  readonly local: string;
  readonly outcome: 'done' | 'unchanged' | 'skipped' | 'failed';
  readonly bytes: number;
  readonly code?: string;
  readonly message?: string;
}

/** Counts and shows what a transfer of several files comes to. */
export interface TransferReport extends Disposable {
  /** So many bytes more are to be moved. */
  expect(bytes: number): void;
  /** A file under way, with the bytes that it has in all. */
  begin(path: string, totalBytes: number | undefined): void;
  moved(path: string, bytes: number): void;
  add(transferred: Transferred): void;
  /** One file could not be transferred; the others go on. */
  failed(file: { readonly path: string; readonly local: string }, error: unknown): Promise<void>;
  /** The exit code; throws the failure when nothing went through. */
  finish(): number;
}

export function createTransferReport({ terminal, signal }: CommandContext): TransferReport {
  const progress: Progress = createProgress(terminal);
  const amounts = new Map<string, { doneBytes: number; readonly totalBytes: number | undefined }>();
  const failures: { readonly transferred: Transferred; readonly exit: number; readonly next: string | undefined }[] =
    [];
  const counts = { done: 0, unchanged: 0, skipped: 0, failed: 0 };
  let doneBytes = 0;
  let totalBytes: number | undefined = 0;

  const showTotal = (): void => progress.total({ label: `${counts.done} files done`, doneBytes, totalBytes });
  return {
    expect(bytes) {
      if (totalBytes !== undefined) totalBytes += bytes;
      showTotal();
    },
    begin(path, total) {
      if (total === undefined) totalBytes = undefined;
      amounts.set(path, { doneBytes: 0, totalBytes: total });
      progress.file(path, { label: path, doneBytes: 0, totalBytes: total });
    },
    moved(path, bytes) {
      doneBytes += bytes;
      const amount = amounts.get(path);
      if (amount !== undefined) {
        amount.doneBytes += bytes;
        progress.file(path, { label: path, ...amount });
      }
      showTotal();
    },
    add(transferred) {
      counts[transferred.outcome]++;
      amounts.delete(transferred.path);
      progress.finished(transferred.path);
      showTotal();
      terminal.result(transferred, undefined);
      if (transferred.outcome !== 'failed') terminal.detail(`${transferred.outcome} ${displayText(transferred.path)}`);
    },
    async failed({ path, local }, error) {
      if (signal.aborted) throw error;
      const { code, exit, message: reason, next } = await failureOf(error);
      const isNamed = [path, local].some((name) => name !== '' && reason.includes(name));
      const message = isNamed ? reason : `${path}: ${reason}`;
      const transferred = { path, local, outcome: 'failed' as const, bytes: 0, code, message };
      failures.push({ transferred, exit, next });
      this.add(transferred);
    },
    finish() {
      progress[Symbol.dispose]();
      return exitOf({ counts, failures, say: terminal.warn });
    },
    [Symbol.dispose]: () => progress[Symbol.dispose](),
  };
}

interface Outcome {
  readonly counts: Readonly<Record<Transferred['outcome'], number>>;
  readonly failures: readonly {
    readonly transferred: Transferred;
    readonly exit: number;
    readonly next: string | undefined;
  }[];
  readonly say: (text: string) => void;
}

const MOST_SHOWN = 20;

function exitOf({ counts, failures, say }: Outcome): number {
  const [first] = failures;
  if (first === undefined) return counts.skipped > 0 ? EXIT.partly : EXIT.done;
  for (const { transferred } of failures.slice(1, MOST_SHOWN))
    say(`satchel: ${displayText(transferred.message ?? transferred.path)}`);
  const total = counts.done + counts.unchanged + counts.skipped + counts.failed;
  const { code = 'internal', message = '' } = first.transferred;
  const all = failures.length === total;
  const text = total === 1 ? message : `${message} (${failures.length} of ${total} not done)`;
  const extra = first.next === undefined ? {} : { next: first.next };
  throw new CommandError(code, all ? first.exit : EXIT.partly, text, extra);
}
