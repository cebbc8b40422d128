import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CommandError } from './command-error.ts';
import type { CommandSpec } from './command-spec.ts';
import { COMMANDS } from './command-table.ts';
import { OUTPUTS, WITHOUT_OUTPUT } from './output-schemas.ts';
import { findCommand, parseCommand } from './parse.ts';

function parse(argv: readonly string[], env = {}) {
  const found = findCommand(COMMANDS, argv);
  assert.equal(found.found, 'command');
  if (found.found !== 'command') throw new Error('no command');
  return parseCommand(found.command, found.rest, env);
}

function refusal(argv: readonly string[], env = {}): string {
  try {
    parse(argv, env);
  } catch (error) {
    assert.ok(error instanceof CommandError);
    assert.equal(error.exit, 2, 'usage');
    return error.message;
  }
  throw new Error(`${argv.join(' ')} was not refused`);
}

test('a command of two words goes before one of one, and a group alone means its main command', () => {
  assert.equal(parse(['held']).command.name, 'held ls');
  assert.equal(parse(['held', '--json']).command.name, 'held ls');
  assert.equal(parse(['held', 'undo']).command.name, 'held undo');
  assert.equal(parse(['sync', 'now']).command.name, 'sync now');
  assert.equal(findCommand(COMMANDS, ['ignore']).found, 'group');
  assert.equal(findCommand(COMMANDS, []).found, 'nothing');
});

test('flags are read wherever they stand, after -- nothing is one', () => {
  assert.equal(parse(['--json', 'status']).flags.get('json'), 'true');
  assert.equal(parse(['--home', '/x', 'status']).flags.get('home'), '/x');
  assert.deepEqual(parse(['ls', '-lq', 'docs']).args, ['docs']);
  assert.deepEqual(parse(['cat', '--', '-dash', '--json']).args, ['-dash', '--json']);
  assert.deepEqual(parse(['put', '-', 'x.txt']).args, ['-', 'x.txt']);
  assert.equal(parse(['wait', '--timeout=5']).flags.get('timeout'), '5');
});

test('every flag has a variable, and the flag goes first', () => {
  assert.equal(parse(['wait'], { SATCHEL_TIMEOUT: '7' }).flags.get('timeout'), '7');
  assert.equal(parse(['wait', '--timeout', '5'], { SATCHEL_TIMEOUT: '7' }).flags.get('timeout'), '5');
  assert.equal(parse(['link', 'd'], { SATCHEL_DRY_RUN: 'on' }).flags.get('dry-run'), 'true');
  assert.equal(parse(['status'], { SATCHEL_JSON: '0' }).flags.has('json'), false);
  assert.equal(parse(['status'], { SATCHEL_HELP: '1' }).flags.has('help'), false);
  assert.match(refusal(['status'], { SATCHEL_JSON: 'perhaps' }), /SATCHEL_JSON/);
});

test('what cannot be meant is refused by name', () => {
  assert.match(refusal(['frobnicate']), /"frobnicate"/);
  assert.match(refusal(['statsu']), /status/);
  assert.match(refusal(['held', 'nothing']), /"nothing"/);
  assert.match(refusal(['put']), /SOURCE/);
  assert.match(refusal(['stop', 'it']), /"it"/);
  assert.match(refusal(['start', '--nope']), /--nope/);
  assert.match(refusal(['wait', '--timeout']), /timeout/);
  assert.match(refusal(['share', 'add', 'p', 'e', '--role', 'king']), /king.*viewer, editor/);
  assert.match(refusal(['completion', 'tcsh']), /tcsh/);
});

test('the table is sound: names once, a schema for each, every command can be loaded', async () => {
  const names = COMMANDS.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
  for (const { name, args = [], flags = [], load } of COMMANDS as readonly CommandSpec[]) {
    assert.ok(name in OUTPUTS || WITHOUT_OUTPUT.has(name), `${name} has no schema`);
    assert.equal(typeof (await load()), 'function', name);
    const optional = args.findIndex((arg) => arg.optional === true);
    assert.ok(
      optional < 0 || args.slice(optional).every((arg) => arg.optional === true),
      `${name}: optional ones last`,
    );
    assert.equal(new Set(flags.map((flag) => flag.name)).size, flags.length, name);
  }
  for (const name of Object.keys(OUTPUTS)) assert.ok(names.includes(name), `${name} is no command`);
});
