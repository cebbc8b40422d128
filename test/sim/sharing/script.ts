import type { Chance } from '../chance.ts';
import type { UserAct } from '../users.ts';

/** Something that a person does about sharing, at the command line. */
export interface ShareDeed {
  readonly atMs: number;
  readonly kind: 'share' | 'setRole' | 'remove' | 'leave' | 'transfer';
  /** Who does it. */
  readonly account: number;
  /** Chooses folder, member and role when it is done. */
  readonly lot: number;
}

/** What a history with shared folders has more than others. */
export interface SharingScript {
  /** Each device's account; every account has one at least. */
  readonly owners: readonly number[];
  /** Done before the storm, after which the first folder is shared; none: the storm begins with nothing. */
  readonly prelude: readonly UserAct[];
  readonly deeds: readonly ShareDeed[];
}

const LATER_DEEDS = [
  'share',
  'share',
  'setRole',
  'setRole',
  'setRole',
  'remove',
  'remove',
  'leave',
  'transfer',
] as const;

export function drawSharing(
  chance: Chance,
  { devices, spanMs }: { readonly devices: number; readonly spanMs: number },
): SharingScript {
  const owners = [0, 1];
  while (owners.length < devices) owners.push(chance.below(Math.min(3, Math.max(...owners) + 2)));
  const accounts = Math.max(...owners) + 1;
  const prelude = chance.happens(0.7) ? drawPrelude(chance) : [];
  const deeds: ShareDeed[] = [];
  const draw = (kind: ShareDeed['kind'], account: number, latestMs: number) =>
    deeds.push({ atMs: chance.between(0, latestMs), kind, account, lot: chance.below(2 ** 31) });
  if (prelude.length === 0 || chance.happens(0.3)) draw('share', 0, spanMs / 3);
  for (let count = chance.below(6); count > 0; count--)
    draw(chance.pick(LATER_DEEDS), chance.happens(0.6) ? 0 : chance.below(accounts), spanMs);
  return { owners, prelude, deeds: deeds.sort((a, b) => a.atMs - b.atMs) };
}

/** Something to share, and something of everybody's own. */
function drawPrelude(chance: Chance): UserAct[] {
  const kinds = ['mkTree', 'mkTree', 'create', 'mkTree', 'create'] as const;
  return kinds.map((kind, at) => ({ atMs: 10 * at, device: at < 3 ? 0 : 1, kind, lot: chance.below(2 ** 31) }));
}

/** With one deed less each, and without the prelude. */
export function* smallerSharing(sharing: SharingScript): Generator<SharingScript> {
  const { deeds, prelude } = sharing;
  for (let at = 0; at < deeds.length; at++) yield { ...sharing, deeds: deeds.toSpliced(at, 1) };
  for (let at = 0; at < prelude.length; at++) yield { ...sharing, prelude: prelude.toSpliced(at, 1) };
}
