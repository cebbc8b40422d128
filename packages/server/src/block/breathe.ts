import { setImmediate } from 'node:timers/promises';

/** Lets other requests have a turn in the middle of long work. */
export function breathe(): Promise<void> {
  return setImmediate();
}
