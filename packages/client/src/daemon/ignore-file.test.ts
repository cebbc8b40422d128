import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PathProblems } from '../indexer/problems.ts';
import { ClientDatabase } from '../state/database.ts';
import { createSettings } from '../state/settings.ts';
import { IgnoreFile } from './ignore-file.ts';

/** A device with an ignore file that says so; undefined: it is not there. */
function device(text: string | undefined) {
  const settings = createSettings(new ClientDatabase(':memory:'));
  const now = { ms: 0, text, isReadable: true };
  const disk = {
    readSmall: () => {
      if (!now.isReadable) throw new Error('EIO');
      return now.text === undefined ? undefined : new TextEncoder().encode(now.text);
    },
  };
  const start = () =>
    new IgnoreFile({ disk, problems: new PathProblems(), settings, clock: { monotonic: () => now.ms } });
  return { now, start };
}

test('H73 a file that cannot be read leaves the rules as they were, also after a restart', () => {
  const { now, start } = device('secret');
  assert.equal(start().load(), true);
  now.isReadable = false;
  const restarted = start();
  assert.equal(restarted.load(), false);
  assert.equal(restarted.rules.ignores('secret', false), true);
  assert.deepEqual([restarted.isUncertain, restarted.isInDoubt], [true, false], 'nobody waits for what may never end');
  [now.isReadable, now.text] = [true, 'other'];
  assert.equal(restarted.load(), true);
  assert.deepEqual([restarted.rules.ignores('secret', false), restarted.isUncertain], [false, false]);
});

for (const [what, text] of [
  ['moved away', undefined],
  ['emptied', ''],
] as const) {
  test(`H10 H73 a file that is ${what} for a moment, as editors do, takes back no rule`, () => {
    const { now, start } = device('secret');
    const file = start();
    file.load();
    now.text = text;
    for (const ms of [10, 20]) {
      now.ms = ms;
      assert.equal(file.load(), false);
      assert.deepEqual([file.rules.ignores('secret', false), file.isInDoubt], [true, true]);
    }
    now.text = 'secret\nother';
    assert.equal(file.load(), true);
    assert.deepEqual([file.rules.ignores('secret', false), file.isInDoubt], [true, false]);
    now.text = text;
    assert.equal(file.load(), false, 'the time counts anew');
    now.ms += 2000;
    assert.equal(file.load(), true);
    assert.deepEqual([file.rules.ignores('secret', false), file.isInDoubt], [false, false]);
  });
}
