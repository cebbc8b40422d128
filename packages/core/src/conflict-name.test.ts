import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nameFault } from '@satchel/protocol/names.ts';
import * as fc from 'fast-check';
import { conflictName, isConflictName } from './conflict-name.ts';

const DATE = '2026-11-20';

function nameFor(name: string, deviceName = 'laptop', taken: readonly string[] = []): string {
  return conflictName({ name, deviceName, date: DATE, isTaken: (candidate) => taken.includes(candidate) });
}

const SUFFIX = '(conflicted copy from laptop, 2026-11-20)';

test('a conflicted copy names the device and the day, before the extension', () => {
  assert.equal(nameFor('Report.txt'), `Report ${SUFFIX}.txt`);
  assert.equal(nameFor('Makefile'), `Makefile ${SUFFIX}`);
  assert.equal(nameFor('.bashrc'), `.bashrc ${SUFFIX}`);
  assert.equal(nameFor('a.b.c'), `a.b ${SUFFIX}.c`);
  assert.equal(nameFor('backup.tar.gz'), `backup ${SUFFIX}.tar.gz`);
  assert.equal(nameFor('Mr. Smith'), `Mr. Smith ${SUFFIX}`);
  assert.equal(nameFor('end.'), `end. ${SUFFIX}`);
  assert.equal(nameFor(' '), `file ${SUFFIX}`);
  assert.equal(nameFor('..x'), `..x ${SUFFIX}`);
});

test('H19 a taken name is numbered', () => {
  const first = nameFor('Report.txt');
  const second = nameFor('Report.txt', 'laptop', [first]);
  assert.equal(second, 'Report (conflicted copy from laptop, 2026-11-20 2).txt');
  assert.equal(
    nameFor('Report.txt', 'laptop', [first, second]),
    'Report (conflicted copy from laptop, 2026-11-20 3).txt',
  );
});

test('H40 a conflict on a conflicted copy does not nest', () => {
  const first = nameFor('Report.txt');
  assert.equal(nameFor(first, 'phone'), 'Report (conflicted copy from phone, 2026-11-20).txt');
  assert.equal(nameFor(first, 'laptop', [first]), 'Report (conflicted copy from laptop, 2026-11-20 2).txt');
  assert.equal(
    nameFor(`Report ${SUFFIX} ${SUFFIX}.txt`, 'phone'),
    'Report (conflicted copy from phone, 2026-11-20).txt',
  );
});

test('H48 a long name is cut in its stem, between characters', () => {
  const name = nameFor(`${'ä'.repeat(120)}.odt`);
  assert.equal(Buffer.byteLength(name), 254);
  assert.match(name, /^ä+ \(conflicted copy from laptop, 2026-11-20\)\.odt$/);
  assert(Buffer.byteLength(nameFor('😀'.repeat(63))) <= 255);
  assert(nameFor('😀'.repeat(63)).isWellFormed());
});

test('a device name that does not fit into a name is made to fit', () => {
  assert.equal(nameFor('a', 'Anna’s (old) Mac/Book'), 'a (conflicted copy from Anna’s old Mac Book, 2026-11-20)');
  assert.equal(nameFor('a', ' \u0000/ '), 'a (conflicted copy from another device, 2026-11-20)');
  assert.equal(nameFor('a', 'x\u202Ey\nz'), 'a (conflicted copy from x y z, 2026-11-20)');
});

test('any name and device give a valid, free, recognised name; its conflict has the same stem', () => {
  const names = fc
    .oneof(fc.string({ unit: 'grapheme', maxLength: 300 }), fc.stringMatching(/^[a. ()]{1,12}$/))
    .map((text) => text.normalize('NFC'))
    .filter((text) => nameFault(text) === undefined);
  fc.assert(
    fc.property(names, fc.string({ unit: 'binary' }), fc.nat(3), (name, deviceName, takenCount) => {
      const taken: string[] = [];
      for (let count = 0; count <= takenCount; count++) {
        const candidate = nameFor(name, deviceName, taken);
        assert.equal(nameFault(candidate), undefined);
        assert(!taken.includes(candidate));
        assert(isConflictName(candidate), candidate);
        assert.equal(nameFor(candidate, deviceName, []), nameFor(name, deviceName, []));
        taken.push(candidate);
      }
    }),
    { numRuns: 500 },
  );
});

test('other names are not taken for conflicted copies', () => {
  for (const name of ['Report.txt', 'conflicted copy.txt', 'a (conflicted copy).txt', `x${SUFFIX}.txt`, `a ${SUFFIX}b`])
    assert(!isConflictName(name), name);
});

test('a date of another form is a mistake of the caller', () => {
  assert.throws(
    () => conflictName({ name: 'a', deviceName: 'b', date: '20.11.2026', isTaken: () => false }),
    RangeError,
  );
});
