import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { test, type TestContext } from 'node:test';
import type { CommandContext } from '../cli/command-spec.ts';
import { createTerminal } from '../cli/terminal.ts';
import { serveControl } from '../control/control-server.ts';
import { createControlFixture } from '../control/daemon-control.fixture.ts';
import { controlSocketOf } from '../control/socket-path.ts';
import { wait } from './wait.ts';

/** A daemon whose `wait` never ends by itself, and the command that asks it. */
async function setUp(t: TestContext) {
  const home = mkdtempSync(join(tmpdir(), 'satchel-wait-'));
  const control = createControlFixture();
  const stop = (): void => undefined;
  const server = await serveControl({ socket: controlSocketOf(home), control, stop, failed: stop });
  t.after(async () => {
    await server[Symbol.asyncDispose]();
    rmSync(home, { recursive: true });
  });
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const terminal = createTerminal({ json: true, quiet: true, verbose: false, env: {} });
  const { signal } = new AbortController();
  const context: CommandContext = {
    args: [],
    flag: () => undefined,
    isSet: () => false,
    terminal,
    home,
    env: {},
    cwd: home,
    signal,
  };
  let ended: string | undefined;
  const waiting = wait(context).then(
    (exit) => (ended = `exit ${exit}`),
    (error: { exit?: number; code?: string }) => (ended = `exit ${error.exit} ${error.code}`),
  );
  while (control.watchers() === 0) await setImmediate();
  /** Everything that is on its way has arrived. */
  const settle = async (): Promise<void> => {
    for (let turns = 0; turns < 50; turns++) await setImmediate();
  };
  return { control, waiting, settle, ended: () => ended };
}

test('wait answers that the server is away, though the caller gave no limit', async (t) => {
  const { control, waiting, settle, ended } = await setUp(t);
  control.become({ state: 'offline' });
  await settle();
  t.mock.timers.tick(19_000);
  await settle();
  assert.equal(ended(), undefined, 'a server that starts anew is waited for');
  t.mock.timers.tick(2_000);
  await waiting;
  assert.equal(ended(), 'exit 11 offline');
});

test('wait goes on for as long as it takes while the server is there', async (t) => {
  const { control, waiting, settle, ended } = await setUp(t);
  control.become({ state: 'offline' });
  await settle();
  t.mock.timers.tick(19_000);
  control.become({ state: 'syncing' });
  await settle();
  t.mock.timers.tick(3_600_000);
  await settle();
  assert.equal(ended(), undefined);
  control.endWait({ outcome: 'synced' });
  await waiting;
  assert.equal(ended(), 'exit 0');
});
