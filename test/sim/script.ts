import { createChance, type Chance } from './chance.ts';
import { NO_FAULTS, type Faults } from './machine.ts';
import { drawModes, NO_MODES, type ModeIncidentKind, type Modes } from './modes.ts';
import { drawSharing, type SharingScript } from './sharing/script.ts';
import { USER_ACTS, type UserAct } from './users.ts';

/** Something that befalls a machine, the line or the server. */
export interface Incident {
  readonly atMs: number;
  readonly kind:
    | 'kill'
    | 'powerCut'
    | 'partition'
    | 'serverCrash'
    | 'clockJump'
    | 'overflow'
    | 'serverRestore'
    | 'exclude'
    | 'unmount'
    | ModeIncidentKind;
  readonly device: number;
  /** Until it is over, or how far a clock jumps. */
  readonly lastsMs: number;
}

/** A later part of a history, in which one user alone acts, so that the end is known exactly. */
export interface Solo {
  readonly device: number;
  readonly acts: readonly UserAct[];
  readonly incidents: readonly Incident[];
}

/** All that is drawn beforehand. */
export interface Script {
  readonly seed: number;
  readonly devices: number;
  readonly spanMs: number;
  readonly acts: readonly UserAct[];
  readonly incidents: readonly Incident[];
  readonly solos: readonly Solo[];
  readonly faults: Faults;
  readonly reusesInodes: boolean;
  /** Most file systems tell when an inode was made. */
  readonly hasBirthTimes: boolean;
  /** Some files are of several chunks. */
  readonly hasLongFiles: boolean;
  /** What is played besides; nothing where folders are shared. */
  readonly modes: Modes;
  /** Several accounts, and folders that they share. */
  readonly sharing?: SharingScript;
}

/** What is played beside the rest: as the seed has it, or as somebody wants it. */
export interface Wanted {
  readonly sharing?: boolean;
  readonly modes?: boolean;
}

const HISTORY_ACTS = 30;
/** Of all histories. */
const SHARED = 0;

function drawActs(
  chance: Chance,
  { count, spanMs, device }: { count: number; spanMs: number; device: () => number },
): UserAct[] {
  const acts: UserAct[] = [];
  let atMs = chance.between(0, spanMs / 4);
  for (let index = 0; index < count; index++) {
    // Bursts, and pauses between them.
    atMs += chance.happens(0.6) ? chance.between(0, 30) : chance.between(0, (spanMs * 2) / count);
    acts.push({ atMs, device: device(), kind: chance.pick(USER_ACTS), lot: chance.below(2 ** 31) });
  }
  return acts;
}

function drawIncidents(
  chance: Chance,
  { spanMs, devices, hasPowerCuts }: { spanMs: number; devices: number; hasPowerCuts: boolean },
): Incident[] {
  const incidents: Incident[] = [];
  const draw = (kind: Incident['kind'], most: number, lasts: readonly [number, number]) => {
    for (let count = chance.below(most + 1); count > 0; count--) {
      const [least, longest] = lasts;
      incidents.push({
        kind,
        atMs: chance.between(0, spanMs),
        device: chance.below(devices),
        lastsMs: chance.between(least, longest),
      });
    }
  };
  draw('kill', 4, [0, 5000]);
  draw('partition', 3, [100, spanMs / 2]);
  if (chance.happens(0.4)) draw('serverCrash', 2, [0, 4000]);
  if (chance.happens(0.3)) draw('clockJump', 2, [-86_400_000, 86_400_000]);
  if (hasPowerCuts) draw('powerCut', 2, [0, 5000]);
  return incidents.sort((a, b) => a.atMs - b.atMs);
}

/** Expired cursors, restored servers, selective sync; from a chance of its own, so that older seeds draw what they drew. */
function drawLater(
  chance: Chance,
  { faults, incidents, devices, spanMs }: { faults: Faults; incidents: Incident[]; devices: number; spanMs: number },
): void {
  faults.expiredCursor = chance.happens(0.2) ? chance.pick([0.02, 0.2]) : 0;
  const draw = (kind: Incident['kind']) => {
    const [atMs, lastsMs] = [chance.between(0, spanMs), chance.between(0, spanMs / 2)];
    incidents.push({ kind, atMs, device: chance.below(devices), lastsMs });
  };
  // Not both: a server that is put back may forget what only it has any more.
  if (chance.happens(0.1)) draw('serverRestore');
  else if (chance.happens(0.2)) for (let count = 1 + chance.below(3); count > 0; count--) draw('exclude');
  if (chance.happens(0.2)) draw('unmount');
  incidents.sort((a, b) => a.atMs - b.atMs);
}

/** Disks and watchers that take long: what happens between two of their calls is met more often. */
function drawSlowness(chance: Chance, faults: Faults): void {
  if (!chance.happens(0.2)) return;
  faults.slowDisk = chance.pick([1, 10, 60]);
  faults.slowReading = chance.pick([1, 10, 100]);
  faults.slowWatcher = chance.pick([1, 20, 100]);
}

export function drawScript(seed: number, chance: Chance, wanted: Wanted = {}): Script {
  const devices = chance.pick([2, 2, 2, 3, 3, 4]);
  const spanMs = chance.pick([2000, 10_000, 60_000]);
  const hasPowerCuts = chance.happens(0.3);
  const often = (probability: number) => (chance.happens(0.5) ? probability : 0);
  const faults: Faults = {
    ...NO_FAULTS,
    killPerCall: often(0.0005),
    diskError: often(0.002),
    lostRequest: often(0.05),
    lostReply: often(0.1),
    duplicate: often(0.1),
    lostPing: often(0.2),
    overflow: often(0.02),
  };
  const acts = drawActs(chance, { count: HISTORY_ACTS, spanMs, device: () => chance.below(devices) });
  const incidents = chance.happens(0.2) ? [] : drawIncidents(chance, { spanMs, devices, hasPowerCuts });
  const solos = Array.from({ length: chance.below(3) }, () => {
    const device = chance.below(devices);
    const soloMs = chance.pick([200, 2000, 8000]);
    const drawn = drawActs(chance, { count: 1 + chance.below(8), spanMs: soloMs, device: () => device });
    const solo = drawIncidents(chance, { spanMs: soloMs, devices, hasPowerCuts: false });
    return { device, acts: drawn, incidents: chance.happens(0.5) ? [] : solo };
  });
  const reusesInodes = !hasPowerCuts && chance.happens(0.5);
  const hasBirthTimes = chance.happens(0.7);
  const hasLongFiles = chance.happens(0.1);
  // A chance by which the seeds that once failed draw what they drew.
  drawSlowness(createChance(seed ^ 0x9a8), faults);
  drawLater(createChance(seed ^ 0x5e44e4), { faults, incidents, devices, spanMs });
  const sharers = createChance(seed ^ 0x5a4e5);
  const isShared = sharers.happens(SHARED);
  const shared: Pick<Script, 'sharing'> =
    (wanted.sharing ?? isShared) ? { sharing: drawSharing(sharers, { devices, spanMs }) } : {};
  const hasModes = shared.sharing === undefined && wanted.modes !== false;
  const modes = hasModes ? drawModes(seed, { acts, incidents, solos, devices, spanMs }) : NO_MODES;
  return {
    seed,
    devices,
    spanMs,
    acts,
    incidents,
    solos,
    faults,
    reusesInodes,
    hasBirthTimes,
    hasLongFiles,
    modes,
    ...shared,
  };
}
