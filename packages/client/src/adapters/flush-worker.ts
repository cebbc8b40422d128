/** The thread of `flush-thread.ts`: flushes a file system per message and answers with the errno name of a fault. */
import { closeSync, openSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { loadNativeCalls } from './native-calls.ts';

const calls = loadNativeCalls();

function flushed(path: string): string | undefined {
  if (calls === undefined) return 'ENOSYS';
  try {
    const descriptor = openSync(path, 'r');
    try {
      return calls.syncFileSystem(descriptor);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'EIO';
  }
}

parentPort?.on('message', (path: string) => parentPort?.postMessage(flushed(path), []));
