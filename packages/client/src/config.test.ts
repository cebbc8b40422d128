import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { CommandError } from './cli/command-error.ts';
import {
  effectiveSettings,
  homeOf,
  loadClientConfig,
  readStoredConfig,
  SETTINGS,
  settingValue,
  variableOf,
  writeStoredConfig,
  type SettingName,
} from './config.ts';

function temporaryHome(t: TestContext): string {
  const home = mkdtempSync(join(tmpdir(), 'satchel-config-'));
  t.after(() => rmSync(home, { recursive: true }));
  return home;
}

test('the environment goes before the file, the file before the default', () => {
  const stored = { settings: { 'guard.deletes': '50' } };
  assert.equal(effectiveSettings({ settings: {} }, {})['guard.deletes'], 1000);
  assert.equal(effectiveSettings(stored, {})['guard.deletes'], 50);
  assert.equal(effectiveSettings(stored, { SATCHEL_GUARD_DELETES: 'off' })['guard.deletes'], 'off');
  assert.equal(settingValue(stored, { SATCHEL_GUARD_DELETES: '' }, 'guard.deletes').from, 'config');
});

test('every setting has a default that can be read, and a variable of its own', () => {
  const names = Object.keys(SETTINGS) as SettingName[];
  assert.doesNotThrow(() => effectiveSettings({ settings: {} }, {}));
  assert.equal(new Set(names.map(variableOf)).size, names.length);
  assert.equal(variableOf('guard.deletes'), 'SATCHEL_GUARD_DELETES');
});

test('a wrong setting is told by the name of what holds it', () => {
  const message = (env: Record<string, string>, settings: Record<string, string>): string => {
    try {
      effectiveSettings({ settings }, env);
    } catch (error) {
      assert.ok(error instanceof CommandError && error.exit === 2);
      return error.message;
    }
    throw new Error('it was taken');
  };
  assert.match(message({ SATCHEL_LIMIT_UP: 'fast' }, {}), /^SATCHEL_LIMIT_UP: "fast"/);
  assert.match(message({}, { 'trash.days': 'x' }), /^setting trash\.days: "x"/);
});

test('the configuration comes back as it was written; only its user can read it', (t) => {
  const home = join(temporaryHome(t), 'state');
  const config = { settings: { 'limit.up': '5M' }, root: { path: '/x', markerId: 'm', dev: 1 } };
  writeStoredConfig(home, config);
  assert.deepEqual(readStoredConfig(home), config);
  assert.equal(statSync(home).mode & 0o777, 0o700);
  assert.equal(statSync(join(home, 'config.json')).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(home), ['config.json'], 'no draft is left');
});

test('an absent configuration is an empty one, a damaged one is an error and never taken for empty', (t) => {
  const home = temporaryHome(t);
  assert.deepEqual(readStoredConfig(home), { settings: {} });
  writeFileSync(join(home, 'config.json'), '{"root": {"pa');
  assert.throws(() => readStoredConfig(home), { code: 'config_damaged' });
});

test('without an account or a folder the exit code says which is missing', (t) => {
  const home = temporaryHome(t);
  assert.throws(() => loadClientConfig(home, {}), { code: 'sign_in_required', exit: 3 });
});

test('the home is what SATCHEL_HOME says, else the place of the platform', () => {
  assert.equal(homeOf({ SATCHEL_HOME: '/somewhere' }), '/somewhere');
  if (process.platform === 'linux') assert.equal(homeOf({ XDG_STATE_HOME: '/state' }), '/state/satchel');
});
