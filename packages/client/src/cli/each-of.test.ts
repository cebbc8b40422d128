import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OfflineError } from '../ports/server-api.ts';
import { CommandError } from './command-error.ts';
import { eachOf } from './each-of.ts';
import { createTerminal } from './terminal.ts';

const terminal = createTerminal({ json: true, quiet: true, verbose: false, env: {} });

async function endOf(args: readonly string[], work: (argument: string) => void) {
  const { signal } = new AbortController();
  const several = await eachOf({ args, signal, terminal }, async (argument) => work(argument));
  try {
    several.end();
    return { exit: 0, hasFailed: several.hasFailed };
  } catch (error) {
    assert.ok(error instanceof CommandError);
    return { exit: error.exit, hasFailed: several.hasFailed, message: error.message };
  }
}

test('one that fails does not stop the others; the exit code says whether any went through', async () => {
  const seen: string[] = [];
  const work = (argument: string): void => {
    seen.push(argument);
    if (argument.startsWith('no')) throw new CommandError('not_found', 4, `${argument} is not there`);
  };
  assert.deepEqual(await endOf(['a', 'b'], work), { exit: 0, hasFailed: false });
  const partly = { exit: 9, hasFailed: false, message: 'no is not there (1 of 3 not done)' };
  assert.deepEqual(await endOf(['c', 'no', 'd'], work), partly);
  assert.deepEqual(await endOf(['no'], work), { exit: 4, hasFailed: true, message: 'no is not there' });
  assert.deepEqual(seen, ['a', 'b', 'c', 'no', 'd', 'no']);
});

test('a server that is away is not asked again for each of them', async () => {
  let asked = 0;
  const { exit } = await endOf(['a', 'b', 'c'], () => {
    asked++;
    throw new OfflineError('away');
  });
  assert.deepEqual([asked, exit], [1, 8]);
});
