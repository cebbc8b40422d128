/** A history, drawn beforehand from its seed: who does what, and what befalls whom meanwhile. */
import { seededRandom, type Random } from '../support/random.ts';
import { DEED_KINDS, type DeedKind } from './deeds.ts';

export type Act = {
  readonly device: number;
  readonly kind: DeedKind;
  readonly lot: number;
  /** How long its user waits afterwards. */
  readonly pauseMs: number;
};

export type TroubleKind =
  | 'kill'
  | 'stop'
  | 'freeze'
  | 'offline'
  | 'cut'
  | 'lossy'
  | 'pause'
  | 'full'
  | 'killServer'
  | 'stopServer'
  | 'freezeServer';

export type Trouble = {
  readonly kind: TroubleKind;
  readonly device: number;
  /** Begins before this act, so many milliseconds late, and ends after so many acts. */
  readonly fromAct: number;
  readonly lateMs: number;
  readonly forActs: number;
  readonly lot: number;
};

/** Deeds with troubles, then a healing and a look at everything. */
export type Phase = {
  readonly acts: readonly Act[];
  readonly troubles: readonly Trouble[];
  /** Only this device's user acts: in the end all must be as it is there. */
  readonly solo?: number;
};

export type Script = { readonly seed: number; readonly devices: number; readonly phases: readonly Phase[] };

export type ScriptOptions = { readonly devices: number; readonly hasKills: boolean; readonly hasSmallDisk: boolean };

const ACTS = 30;

export function drawScript(seed: number, options: ScriptOptions): Script {
  const random = seededRandom(seed);
  const phases = random.pick([1, 1, 2]);
  const hasLarge = random.below(8) === 0;
  const count = Math.ceil(ACTS / phases);
  const storms = Array.from({ length: phases }, (): Phase => {
    const isSolo = random.below(4) === 0;
    const solo = random.below(options.devices);
    const acts = drawActs(random, { count, hasLarge, device: () => (isSolo ? solo : random.below(options.devices)) });
    return { acts, troubles: drawTroubles(random, count, options), ...(isSolo ? { solo } : {}) };
  });
  // One user lays the ground, so that the others have something to work on.
  const ground = GROUND.map((kind) => ({ device: 0, kind, lot: random.below(2 ** 31), pauseMs: 0 }));
  return { seed, devices: options.devices, phases: [{ acts: ground, troubles: [], solo: 0 }, ...storms] };
}

const GROUND: readonly DeedKind[] = [
  'makeTree',
  'create',
  'create',
  'link',
  'makeFolder',
  'makeTree',
  'register',
  'register',
];

function drawActs(
  random: Random,
  { count, device, hasLarge }: { count: number; device: () => number; hasLarge: boolean },
): readonly Act[] {
  const kinds: readonly DeedKind[] = hasLarge
    ? [...DEED_KINDS, 'large', 'large', 'largeEdit', 'largeEdit', 'largeEdit', 'largeEdit', 'largeEdit', 'largeEdit']
    : DEED_KINDS;
  // Users that take turns meet the client at work, users that go on for a while meet each other apart.
  const changes = random.pick([1, 3]);
  const slow = random.pick([0, 20, 60, 150]);
  let who = device();
  return Array.from({ length: count }, () => {
    if (random.below(changes) === 0) who = device();
    return {
      device: who,
      kind: random.pick(kinds),
      lot: random.below(2 ** 31),
      pauseMs: random.below(3) === 0 ? random.below(slow + 1) : 0,
    };
  });
}

const GENTLE: readonly TroubleKind[] = ['offline', 'offline', 'cut', 'lossy', 'lossy', 'freeze', 'pause'];
const ROUGH: readonly TroubleKind[] = [
  'kill',
  'kill',
  'kill',
  'kill',
  'kill',
  'stop',
  'killServer',
  'stopServer',
  'freezeServer',
];

function drawTroubles(
  random: Random,
  acts: number,
  { devices, hasKills, hasSmallDisk }: ScriptOptions,
): readonly Trouble[] {
  const kinds = [...GENTLE, ...(hasKills ? ROUGH : []), ...(hasSmallDisk ? (['full'] as const) : [])];
  const count = random.below(4) === 0 && !hasKills ? 0 : 1 + random.below(hasKills ? 5 : 3);
  return Array.from({ length: count }, () => random.pick(kinds)).map((kind) => ({
    kind,
    // Only the first device has a small disk.
    device: kind === 'full' ? 0 : random.below(devices),
    // Some begin when all is done: in the middle of the work that comes of it.
    fromAct: random.below(acts + 4),
    lateMs: random.below(2) === 0 ? 0 : random.below(400),
    forActs: 1 + random.below(acts),
    lot: random.below(2 ** 31),
  }));
}

export function shownScript({ seed, devices, phases }: Script): string {
  const lines = phases.flatMap((phase, at) => [
    `phase ${at + 1}${phase.solo === undefined ? '' : `, ${phase.solo} alone`}`,
    ...phase.troubles.map(
      ({ kind, device, fromAct, lateMs, forActs }) =>
        `  ${kind}${kind.endsWith('Server') ? '' : ` of ${device}`} before act ${fromAct} + ${lateMs} ms for ${forActs} acts`,
    ),
    `  acts: ${phase.acts.map(({ device, kind, pauseMs }) => `${device}:${kind}${pauseMs > 0 ? `+${pauseMs}` : ''}`).join(' ')}`,
  ]);
  return [`seed ${seed}, ${devices} devices`, ...lines].join('\n');
}
