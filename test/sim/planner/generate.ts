import { seededRandom } from '../../support/random.ts';
import { MACHINE_ACTIONS, type Action, type ActionName, type Case } from './run-case.ts';
import { USER_ACTIONS } from './model-user.ts';

/** Case number `index` of a run: the same for the same seed. */
export function generateCase(seed: number, index: number): Case {
  const random = seededRandom(Math.imul(seed, 1_000_003) + index);
  const names = actionNames(random.below(8));
  const action = (from: readonly ActionName[]): Action => ({
    device: random.below(60),
    name: random.pick(from),
    first: random.below(1000),
    second: random.below(1000),
  });
  const devices = 2 + random.below(2);
  const creations = ['createFile', 'createFolder', 'createFolder', 'createSymlink', 'createEqual'] as const;
  return {
    devices,
    limit: random.below(4) === 0 ? 1 + random.below(4) : 1000,
    viewer: random.below(12) === 0,
    beginning: Array.from({ length: random.below(9) }, () => action(creations)),
    actions: Array.from({ length: 1 + random.below(24) }, () => action(names)),
  };
}

/** What can happen in a case: most cases keep to a part of it, so that the sharper checks apply. */
function actionNames(profile: number): readonly ActionName[] {
  const machine: readonly ActionName[] = ['sync', 'sync', 'sync', 'run', 'run'];
  const still = USER_ACTIONS.filter((name) => !['move', 'rename', 'swap', 'invert', 'replaceByMove'].includes(name));
  switch (profile) {
    case 0:
      return [...still, ...machine];
    case 1:
      return ['move', 'rename', 'swap', 'invert', 'move', ...machine];
    case 2:
      return ['move', 'remove', 'createFile', 'edit', 'rename', ...machine, 'crash'];
    case 3:
      return [...USER_ACTIONS, ...machine, 'hide', 'reveal'];
    case 4:
      return [...USER_ACTIONS, ...machine, 'exclude'];
    case 5:
      return [...USER_ACTIONS, ...machine, ...MACHINE_ACTIONS];
    default:
      return [...USER_ACTIONS, ...machine];
  }
}
