import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { COMMANDS, DELEGATED } from './command-table.ts';
import { completionScript } from './completion.ts';

/** What bash offers after these words. */
function bashOffers(...words: readonly string[]): readonly string[] {
  const script = completionScript('bash', COMMANDS, DELEGATED);
  const list = words.map((word) => `'${word}'`).join(' ');
  const run = `${script}
compopt() { :; }
COMP_WORDS=(satchel ${list}); COMP_CWORD=${words.length}
_satchel
printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { status, stdout, stderr } = spawnSync('bash', ['--norc', '-c', run], {
    encoding: 'utf8',
    cwd: import.meta.dirname,
  });
  assert.equal(status, 0, stderr);
  return stdout.split('\n').filter(Boolean);
}

test('bash is offered commands, their second words, flags and files', () => {
  const top = bashOffers('');
  for (const name of ['serve', 'admin', ...COMMANDS.map((command) => command.name.split(' ')[0] ?? '')])
    assert.ok(top.includes(name), name);
  assert.deepEqual(bashOffers('stat').toSorted(), ['stat', 'status']);
  assert.deepEqual(bashOffers('held', '').toSorted(), ['accept', 'ls', 'undo']);
  assert.deepEqual(bashOffers('start', '--fore'), ['--foreground']);
  assert.deepEqual(bashOffers('--json', 'completion', 'f'), ['fish']);
  assert.ok(bashOffers('put', 'uni').includes('units.ts'), 'files where a command takes them');
  assert.deepEqual(bashOffers('ls', 'uni'), [], 'remote paths are no files');
});

test('the scripts of all shells name every command and flag', () => {
  for (const shell of ['bash', 'zsh', 'fish'] as const) {
    const script = completionScript(shell, COMMANDS, DELEGATED);
    for (const { name, flags = [] } of COMMANDS) {
      assert.ok(script.includes(`'${name}'`), `${shell}: ${name}`);
      for (const flag of flags)
        assert.ok(script.includes(shell === 'fish' ? `-l ${flag.name}` : `--${flag.name}`), `${shell}: --${flag.name}`);
    }
  }
});
