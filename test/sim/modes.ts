import { createChance, type Chance } from './chance.ts';
import type { Incident, Solo } from './script.ts';
import type { UserAct } from './users.ts';

/** What a user does in histories of a mode only. */
export const IGNORING_ACTS = ['ignoreRules', 'ignoreRules', 'ignoreNothing'] as const;
export const LONG_ACTS = ['longCreate', 'longEdit', 'longEdit', 'longEdit', 'longInsert'] as const;
export type ModeActKind = (typeof IGNORING_ACTS | typeof LONG_ACTS)[number];

/** Commands of a mode, and what befalls the server in it. */
export type ModeIncidentKind = 'pause' | 'decideHeld' | 'resolve' | 'quota' | 'damage';

/** Deletions above these numbers are held. */
export interface Guards {
  readonly client: number;
  readonly server: number;
}

/** What a part of the histories plays besides, each chosen by the seed. */
export interface Modes {
  /** Rules of the ignore file come, change and go while files match them (H72, H73). */
  readonly ignores: boolean;
  /** Devices are paused, for a time or until they are resumed. */
  readonly pauses: boolean;
  /** H69: few deletions are many already, and users decide. */
  readonly guards: Guards | undefined;
  /** Some names are there in both Unicode forms (H45). */
  readonly hasBothForms: boolean;
  /** Users settle conflicts by command. */
  readonly resolves: boolean;
  /** H61: the account's room is used up for a while. */
  readonly quotas: boolean;
  /** H93: what the server has stored is damaged, and devices heal it. */
  readonly damages: boolean;
  /** Long files are edited in small places, and travel as differences and compressed. */
  readonly editsLong: boolean;
}

export const NO_MODES: Modes = {
  ignores: false,
  pauses: false,
  guards: undefined,
  hasBothForms: false,
  resolves: false,
  quotas: false,
  damages: false,
  editsLong: false,
};

export interface Drawn {
  readonly acts: UserAct[];
  readonly incidents: Incident[];
  readonly solos: readonly (Solo & { readonly acts: UserAct[]; readonly incidents: Incident[] })[];
  readonly devices: number;
  readonly spanMs: number;
}

/** From a chance of its own, so that everything else is drawn as it was; what a mode does is added to the script. */
export function drawModes(seed: number, drawn: Drawn): Modes {
  const chance = createChance(seed ^ 0x30de5);
  const ignores = chance.happens(0.12);
  const pauses = chance.happens(0.1);
  const limit = () => chance.pick([0, 1, 2, 5, 1000]);
  const guards = chance.happens(0.12) ? { client: limit(), server: limit() } : undefined;
  const hasBothForms = chance.happens(0.1);
  if (ignores) addActs(chance, drawn, IGNORING_ACTS);
  if (pauses) addIncidents(chance, drawn, { kind: 'pause', most: 4 });
  if (guards !== undefined) addIncidents(chance, drawn, { kind: 'decideHeld', most: 6 });
  const resolves = chance.happens(0.1);
  // A server that is put back has its old quota again, and is the only one to have what went from the devices.
  const isRestored = drawn.incidents.some(({ kind }) => kind === 'serverRestore');
  const quotas = !isRestored && chance.happens(0.1);
  const isAllOnDevices = !isRestored && !ignores && guards === undefined && !drawn.incidents.some(takesAway);
  const damages = isAllOnDevices && chance.happens(0.15);
  // Who acts alone has no other that settles conflicts meanwhile.
  if (resolves) addIncidents(chance, { ...drawn, solos: [] }, { kind: 'resolve', most: 8 });
  if (quotas) addIncidents(chance, drawn, { kind: 'quota', most: 3 });
  if (damages) addIncidents(chance, drawn, { kind: 'damage', most: 8 });
  const editsLong = chance.happens(0.05);
  if (editsLong) for (let times = 0; times < 2; times++) addActs(chance, drawn, LONG_ACTS);
  return { ignores, pauses, guards, hasBothForms, resolves, quotas, damages, editsLong };
}

/** What was damaged on the server may be nowhere else then. */
function takesAway({ kind }: Incident): boolean {
  return kind === 'powerCut' || kind === 'exclude';
}

function addActs(chance: Chance, { acts, solos, devices, spanMs }: Drawn, kinds: readonly ModeActKind[]): void {
  const act = (device: number, withinMs: number): UserAct => ({
    atMs: chance.between(0, withinMs),
    device,
    kind: chance.pick(kinds),
    lot: chance.below(2 ** 31),
  });
  for (let count = 2 + chance.below(5); count > 0; count--) acts.push(act(chance.below(devices), spanMs));
  for (const solo of solos) {
    const withinMs = Math.max(...solo.acts.map(({ atMs }) => atMs));
    for (let count = chance.below(3); count > 0; count--) solo.acts.push(act(solo.device, withinMs));
  }
}

function addIncidents(
  chance: Chance,
  { incidents, solos, devices, spanMs }: Drawn,
  { kind, most }: { readonly kind: ModeIncidentKind; readonly most: number },
): void {
  const incident = (device: number, withinMs: number): Incident => ({
    kind,
    atMs: chance.between(0, withinMs),
    device,
    lastsMs: chance.between(0, withinMs),
  });
  for (let count = 1 + chance.below(most); count > 0; count--) incidents.push(incident(chance.below(devices), spanMs));
  for (const solo of solos) {
    if (!chance.happens(0.5)) continue;
    const withinMs = Math.max(...solo.acts.map(({ atMs }) => atMs));
    solo.incidents.push(incident(chance.below(devices), withinMs));
  }
}
