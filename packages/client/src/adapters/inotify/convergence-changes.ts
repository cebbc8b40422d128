import * as fs from 'node:fs';
import { join } from 'node:path';
import { parentPort } from 'node:worker_threads';

/** One change of a folder tree, by a test; paths are relative to the watched root. */
export type Change =
  | { readonly kind: 'make' | 'write' | 'remove' | 'leave' | 'return'; readonly path: string }
  | { readonly kind: 'move'; readonly path: string; readonly to: string };

export interface Places {
  readonly root: string;
  readonly outside: string;
}

/** A change that is impossible on the tree as it is (absent, taken, a folder into itself) does nothing. */
export function applyChange(change: Change, { root, outside }: Places): void {
  const at = join(root, change.path);
  try {
    if (change.kind === 'make') fs.mkdirSync(at, { recursive: true });
    else if (change.kind === 'write') fs.appendFileSync(join(at, 'file'), 'x');
    else if (change.kind === 'move') fs.renameSync(at, join(root, change.to));
    else if (change.kind === 'remove') fs.rmSync(at, { recursive: true });
    else if (change.kind === 'leave') fs.renameSync(at, join(outside, 'kept'));
    else fs.renameSync(join(outside, 'kept'), at);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (!['ENOENT', 'ENOTEMPTY', 'EINVAL', 'EEXIST', 'ENOTDIR'].includes(code)) throw error;
  }
}

parentPort?.on('message', (order: Places & { readonly changes: readonly Change[] }) => {
  for (const change of order.changes) applyChange(change, order);
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
  parentPort?.postMessage('done');
});
