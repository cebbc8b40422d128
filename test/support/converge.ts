/** The claim that every test ends with: all devices say that they are in sync, and it is true. */
import { type Device } from './satchel.ts';
import { assertSameTree, diskSignature, readTree, treeDiff, type Tree } from './tree.ts';
import { until } from './until.ts';

export type ConvergeOptions = {
  /** For each `satchel wait`; default 60. */
  readonly timeoutSeconds?: number;
  /** Rounds of `wait` in which the trees must have become equal; default 6 (an upload of one device is a download of the next). */
  readonly rounds?: number;
  /** How long nothing may change afterwards; default 300 ms. */
  readonly quietMs?: number;
  /** Paths that need not be equal (ignored things). */
  readonly skip?: (path: string) => boolean;
};

/** Waits until all devices are in sync, checks that their trees are equal and stay as they are; hands back the tree. */
export async function converge(devices: readonly Device[], options: ConvergeOptions = {}): Promise<Tree> {
  const rounds = options.rounds ?? 6;
  const read = (device: Device): Tree =>
    readTree(device.root, options.skip === undefined ? {} : { skip: options.skip });
  for (let round = 1; ; round++) {
    await allInSync(devices, options.timeoutSeconds ?? 60);
    const trees = devices.map(read);
    const [first] = trees;
    if (first === undefined) throw new Error('converge needs a device');
    const equal = trees.every((tree) => treeDiff(first, tree).length === 0);
    if (!equal && round < rounds) continue;
    trees.forEach((tree, i) =>
      assertSameTree(first, tree, `${devices[0]?.name} | ${devices[i]?.name}, after ${round} rounds of wait`),
    );
    // A device that answered before another's upload may be about to finish what that brought: ask all once more.
    await allInSync(devices, options.timeoutSeconds ?? 60);
    await staysTheSame(devices, options);
    return first;
  }
}

/** `wait` on all devices at once; every one must answer 0. */
export async function allInSync(devices: readonly Device[], timeoutSeconds = 60): Promise<void> {
  const codes = await Promise.all(devices.map(async (device) => await device.wait(timeoutSeconds)));
  const late = devices.filter((_, i) => codes[i] !== 0);
  if (late.length === 0) return;
  const reasons = await Promise.all(
    late.map(
      async (device) => `${device.name}: ${(await device.cli(['status', '--json'])).stdout.trim().slice(0, 2000)}`,
    ),
  );
  throw new Error(`not in sync within ${timeoutSeconds} s (wait: ${codes.join(', ')})\n${reasons.join('\n')}`);
}

async function staysTheSame(devices: readonly Device[], options: ConvergeOptions): Promise<void> {
  const before = devices.map((device) => diskSignature(device.root));
  const end = performance.now() + (options.quietMs ?? 300);
  await until(
    () => {
      devices.forEach((device, i) => {
        const now = diskSignature(device.root);
        if (now === before[i]) return;
        throw new Error(`${device.name} changed after everything was in sync:\n${lineDiff(before[i] ?? '', now)}`);
      });
      return performance.now() >= end;
    },
    { timeoutMs: (options.quietMs ?? 300) + 30_000, what: 'the quiet time is over', everyMs: 100 },
  );
}

function lineDiff(before: string, now: string): string {
  const [old, fresh] = [before.split('\n'), now.split('\n')];
  const gone = old.filter((line) => !fresh.includes(line)).map((line) => `- ${line}`);
  const come = fresh.filter((line) => !old.includes(line)).map((line) => `+ ${line}`);
  return [...gone, ...come].slice(0, 20).join('\n');
}

/** Waits until a path of a device is as wanted, without asking the product. */
export async function untilTree(
  device: Device,
  accept: (tree: Tree) => boolean,
  what: string,
  timeoutMs = 20_000,
): Promise<Tree> {
  return await until(
    () => {
      const tree = readTree(device.root);
      return accept(tree) ? tree : undefined;
    },
    {
      timeoutMs,
      what: () => `${device.name}: ${what}; there is ${[...readTree(device.root).keys()].slice(0, 30).join(', ')}`,
    },
  );
}
