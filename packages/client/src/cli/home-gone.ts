import { statSync } from 'node:fs';
import { daemonLockOf } from './home-files.ts';

const LOOK_EVERY_MS = 5_000;

/**
 * Tells once that the state of this device was removed or put elsewhere, until disposed. No command reaches the daemon
 * then, and what it writes down is lost.
 */
export function whenHomeIsGone(home: string, gone: () => void): Disposable {
  const inode = (): bigint | undefined => statSync(daemonLockOf(home), { bigint: true, throwIfNoEntry: false })?.ino;
  const held = inode();
  const timer = setInterval(() => {
    if (inode() === held) return;
    clearInterval(timer);
    gone();
  }, LOOK_EVERY_MS);
  timer.unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
