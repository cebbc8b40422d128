import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unexplained, type RegisterEvent, type Value } from './registers.ts';

const write = (device: number, had: Value, has: Value): RegisterEvent => ({ kind: 'write', device, had, has });
const read = (device: number, had: Value): RegisterEvent => ({ kind: 'read', device, had, has: had });

type Ending = { readonly value: Value; readonly copies?: readonly string[]; readonly trash?: readonly string[] };

function judge(events: readonly RegisterEvent[], ending: Ending, begins: Value = 'v0'): string | undefined {
  const { value, copies = [], trash = [] } = ending;
  return unexplained({ devices: 2, value: begins }, events, { value, copies, isInTrash: (c) => trash.includes(c) });
}

const apart = [write(0, 'v0', 'a'), write(1, 'v0', 'b')];

test('explained: one write, seen or not seen by the other in between', () => {
  assert.equal(judge([write(0, 'v0', 'a'), read(1, 'v0'), read(1, 'a')], { value: 'a' }), undefined);
  assert.equal(judge([write(0, 'v0', 'a'), write(1, 'a', 'b')], { value: 'b' }), undefined);
});

test('explained: two writes apart, either first, the other in a conflicted copy or in a trash', () => {
  assert.equal(judge(apart, { value: 'a', copies: ['b'] }), undefined);
  assert.equal(judge(apart, { value: 'b', copies: ['a'] }), undefined);
  assert.equal(judge(apart, { value: 'a', trash: ['b'] }), undefined);
});

test('explained: an edit beats a deletion that has not seen it, and a deletion that has seen it stands', () => {
  const race = [write(0, 'v0', undefined), write(1, 'v0', 'b')];
  assert.equal(judge(race, { value: 'b' }), undefined);
  assert.match(judge(race, { value: undefined }) ?? '', /nothing cannot stand/);
  assert.equal(judge([write(1, 'v0', 'b'), write(0, 'b', undefined)], { value: undefined }), undefined);
});

test('explained: a file in conflict is away for a moment before the other content comes', () => {
  assert.equal(judge([...apart, read(1, undefined), read(1, 'a')], { value: 'a', copies: ['b'] }), undefined);
});

test('caught: a lost write', () => {
  assert.match(judge(apart, { value: 'a' }) ?? '', /conflicted copies cannot be \{\}, but \{b\}/);
  assert.match(judge([write(0, 'v0', 'a')], { value: 'v0' }) ?? '', /v0 cannot stand at the end, but a/);
});

test('caught: an old value that comes back', () => {
  const seen = [write(0, 'v0', 'a'), read(1, 'a'), write(0, 'a', 'c')];
  assert.match(judge([...seen, read(1, 'v0')], { value: 'c' }) ?? '', /device 1 cannot have had v0/);
  assert.match(judge(seen, { value: 'a' }) ?? '', /a cannot stand/);
});

test('caught: a value from nowhere', () => {
  assert.match(judge([read(1, 'x')], { value: 'v0' }) ?? '', /cannot have had x/);
  assert.match(judge(apart, { value: 'x', copies: ['a', 'b'] }) ?? '', /x cannot stand/);
});

test('caught: a false conflicted copy, and one that is there twice', () => {
  assert.match(judge([write(0, 'v0', 'a')], { value: 'a', copies: ['v0'] }) ?? '', /cannot be \{v0\}/);
  assert.match(judge(apart, { value: 'a', copies: ['b', 'b'] }) ?? '', /cannot be \{b, b\}/);
});

test('caught: a file that vanishes, and a deletion that is undone', () => {
  assert.match(judge([write(0, 'v0', 'a')], { value: undefined }) ?? '', /nothing cannot stand/);
  assert.match(judge([write(0, 'v0', undefined)], { value: 'v0' }) ?? '', /v0 cannot stand/);
});
