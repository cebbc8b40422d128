import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ConfigError, listenAddress, sizeBytes } from './config-values.ts';
import { loadConfig, settingsHelp } from './config.ts';

test('a flag comes before its variable, that before the config file, that before the default', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'satchel-config-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'config.json');
  writeFileSync(file, JSON.stringify({ signup: 'closed', dedup: 'account', listen: ':1', 'log-level': 'warn' }));
  const { config } = loadConfig(['--listen', '127.0.0.1:3', '--config', file], {
    SATCHEL_LISTEN: '127.0.0.1:2',
    SATCHEL_DEDUP: 'global',
  });
  assert.equal(config.listen.port, 3);
  assert.equal(config.dedup, 'global');
  assert.equal(config.signup, 'closed');
  assert.equal(config['default-quota'], undefined);
  assert.equal(loadConfig([], { SATCHEL_CONFIG: file }).config['log-level'], 'warn');
});

test('a bad value is named with where it came from', () => {
  const refused = (argv: readonly string[], env: Readonly<Record<string, string>>, pattern: RegExp) =>
    assert.throws(
      () => loadConfig(argv, env),
      (error: Error) => error instanceof ConfigError && pattern.test(error.message),
    );
  refused([], { SATCHEL_DEFAULT_QUOTA: '100Q' }, /^SATCHEL_DEFAULT_QUOTA: "100Q" is not a size/);
  refused(['--signup', 'all'], {}, /^--signup: "all" is not one of open, invite, closed/);
  refused(['--role', 'meta,mets'], {}, /^--role: "mets" is not one of/);
  refused(['--role', 'gateway,work'], {}, /--role without meta, block, notify/);
  refused(['--listen', '127.0.0.1:99999'], {}, /^--listen: "127.0.0.1:99999" is not an address/);
  refused(['--lisen', 'x'], {}, /--lisen/);
  refused(['--config', '/nowhere/x.json'], {}, /config file \/nowhere\/x.json cannot be read/);
  refused(['--tls-cert', 'x'], {}, /belong together/);
});

test('plain HTTP beyond this machine is refused unless something in front does TLS', () => {
  assert.throws(() => loadConfig(['--listen', '0.0.0.0:7420'], {}), /Refusing plain HTTP on 0\.0\.0\.0/);
  assert.throws(() => loadConfig(['--listen', '[::]:7420'], {}), /Refusing plain HTTP/);
  assert.equal(loadConfig(['--listen', '0.0.0.0:7420', '--behind-proxy'], {}).config['behind-proxy'], true);
  assert.ok(loadConfig(['--listen', '0.0.0.0:7420', '--tls-cert', 'c', '--tls-key', 'k'], {}).config.tls);
  for (const own of ['127.0.0.1:1', '127.3.2.1:1', '[::1]:1', 'localhost:1', '1', ':1'])
    assert.ok(loadConfig(['--listen', own], {}), own);
});

test('sizes are powers of 1024', () => {
  assert.equal(sizeBytes('100G'), 100 * 1024 ** 3);
  assert.equal(sizeBytes('1.5M'), 1_572_864);
  assert.equal(sizeBytes('5 MiB'), 5 * 1024 ** 2);
  assert.equal(sizeBytes('0'), 0);
  for (const bad of ['', '-1', 'G', '1e3', '99999999P']) assert.throws(() => sizeBytes(bad), ConfigError, bad);
});

test('an address may be a port alone, or have a host in brackets', () => {
  assert.deepEqual(listenAddress('7420'), { host: '127.0.0.1', port: 7420 });
  assert.deepEqual(listenAddress('[::1]:0'), { host: '::1', port: 0 });
  assert.deepEqual(listenAddress('drive.example:443'), { host: 'drive.example', port: 443 });
  for (const bad of ['', 'host', 'a:b', '::1', '1:2:3']) assert.throws(() => listenAddress(bad), ConfigError, bad);
});

test('the help names a variable for every flag', () => {
  for (const line of settingsHelp().trimEnd().split('\n')) assert.match(line, /--[\w-]+.*\[SATCHEL_[A-Z_]+\]$/);
});
