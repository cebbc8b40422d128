import { setImmediate as nextTurn } from 'node:timers/promises';

/**
 * Long work in one transaction lets requests that only read have their turn; what writes waits for it.
 * @returns to be awaited at each step
 */
export function createTurns(stepsPerTurn: number): () => Promise<void> {
  let steps = 0;
  return async () => {
    if (++steps % stepsPerTurn === 0) await nextTurn();
  };
}
