import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** How often is looked; V8 itself keeps what a burst of work has taken for as long as nothing is allocated. */
const LOOK_EVERY_MS = 5_000;
/** Below this much of one core there is time to collect. */
const IDLE_CPU = 0.05;
/** Not worth a collection. */
const LEAST_GARBAGE_BYTES = 4 * 1024 * 1024;

/** Gives the memory of a burst back to the system once the process rests, until disposed. */
export function releaseMemoryWhenIdle(): Disposable {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (options: { type: string; flavor: string }) => void;
  let cpu = process.cpuUsage();
  let keptBytes = 0;
  const timer = setInterval(() => {
    const { user, system } = process.cpuUsage(cpu);
    cpu = process.cpuUsage();
    const isIdle = (user + system) / 1000 < LOOK_EVERY_MS * IDLE_CPU;
    if (!isIdle || heapBytes() - keptBytes < LEAST_GARBAGE_BYTES) return;
    collect({ type: 'major', flavor: 'last-resort' });
    keptBytes = heapBytes();
    cpu = process.cpuUsage();
  }, LOOK_EVERY_MS);
  timer.unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

function heapBytes(): number {
  const { heapTotal, external } = process.memoryUsage();
  return heapTotal + external;
}
