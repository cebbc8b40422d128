import type { Watcher, WatchEvent } from '@satchel/client/ports/watcher.ts';
import type { SimDisk } from './disk.ts';
import { unlessKilled, type Incarnation } from './machine.ts';

/** Events come late, twice, or not at all; when some were lost, an overflow is told afterwards (W8). */
export function createSimWatcher(disk: SimDisk, incarnation: Incarnation): Watcher {
  const { chance, faults, scheduler } = incarnation;
  return {
    async watch(_root, listener) {
      await incarnation.sleep(chance.between(0, 5));
      incarnation.check();
      const waiting: WatchEvent[] = [];
      let overflowing = false;
      let isOpen = true;
      let due = false;
      const flush = () => {
        due = false;
        if (!isOpen || waiting.length === 0) return;
        // A part of what waits, in order.
        const batch = waiting.splice(0, chance.happens(0.3) ? 1 + chance.below(waiting.length) : waiting.length);
        unlessKilled(() => listener(batch));
        if (waiting.length > 0) arm();
      };
      const arm = () => {
        if (due) return;
        due = true;
        const longest = chance.happens(0.1) ? 400 : 3 * faults.slowWatcher;
        scheduler.after(chance.between(0, longest), flush, incarnation);
      };
      const push = (event: WatchEvent) => {
        waiting.push(event);
        if (chance.happens(0.05)) waiting.push(event);
        arm();
      };
      const overflowed = () => {
        overflowing = false;
        push({ kind: 'overflow' });
      };
      const hear = ({ path, closed, moved }: { path: string; closed: boolean; moved: boolean }) => {
        if (!incarnation.isAlive || !isOpen) return;
        if (!overflowing && chance.happens(faults.overflow)) {
          overflowing = true;
          scheduler.note('watcher overflows');
          scheduler.after(chance.between(1, 3000), overflowed, incarnation);
        }
        if (!overflowing) push({ kind: 'dirty', path, closed, deep: moved });
      };
      const ended = () => {
        isOpen = false;
        if (incarnation.isAlive) unlessKilled(() => listener([{ kind: 'gone' }]));
      };
      disk.changes.push(hear);
      disk.unmounted.add(ended);
      return {
        async caughtUp() {
          incarnation.check();
          const isBehind = () => isOpen && (overflowing || waiting.length > 0);
          do await incarnation.sleep(chance.between(0, 2));
          while (isBehind());
          return isOpen ? 'caught-up' : 'ended';
        },
        async [Symbol.asyncDispose]() {
          isOpen = false;
          disk.unmounted.delete(ended);
          const at = disk.changes.indexOf(hear);
          if (at >= 0) disk.changes.splice(at, 1);
        },
      };
    },
  };
}
