import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { CodedError, ERRORS, type ErrorCode } from '@satchel/protocol/errors.ts';
import { AnswerInvalidError, OfflineError } from '../ports/server-api.ts';
import { CommandError } from './command-error.ts';
import { failureJson, failureOf, failureText, InterruptedError } from './failure.ts';
import { ErrorOutput } from './output-schemas.ts';

test('every code of the protocol has the exit code of its table', async () => {
  for (const [code, { exit }] of Object.entries(ERRORS)) {
    const failure = await failureOf(new CodedError(code as ErrorCode, 'why'));
    assert.deepEqual([failure.code, failure.exit, failure.message], [code, exit, 'why']);
  }
});

test('other failures end with the code that the contract gives them', async () => {
  const exitOf = async (error: unknown): Promise<number> => (await failureOf(error)).exit;
  assert.equal(await exitOf(new OfflineError('away')), 8);
  assert.equal(await exitOf(new AnswerInvalidError('what?')), 1);
  assert.equal(await exitOf(new InterruptedError()), 130);
  assert.equal(await exitOf(new CommandError('x', 12, 'held')), 12);
  assert.equal(await exitOf(new TypeError('a bug')), 1);
  assert.equal(await exitOf('a string'), 1);
  const system = await failureOf(caught(() => readFileSync('/no/such/file')));
  assert.equal(system.exit, 4);
  assert.match(system.message, /^\/no\/such\/file: /);
});

test('an error is one line that says what to type next; names cannot write to the terminal', async () => {
  const failure = await failureOf(new CommandError('not_found', 4, 'no \u001b[2Jfile', { next: 'satchel ls' }));
  assert.equal(failureText(failure), 'satchel: no \\u{1b}[2Jfile\n  next: satchel ls');
  ErrorOutput.strict().parse(JSON.parse(failureJson(failure)));
  const nextOf = async (error: unknown) => (await failureOf(error)).next;
  const paused = "syncing is paused: run 'satchel resume'";
  assert.equal(await nextOf(new CommandError('blocked', 11, paused)), 'satchel resume', 'as the daemon says it');
  assert.equal(await nextOf(new CommandError('name_taken', 5, 'x exists already')), 'satchel ls');
  assert.equal(await nextOf(caught(() => readFileSync("/no/such dir/it's"))), "ls -ld '/no/such dir'");
});

function caught(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}
