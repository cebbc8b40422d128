import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { createMountPoints, parseMountTable } from './mount-points.ts';

test('H67 mount points are read from the table, blanks included', () => {
  const text = [
    '22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw',
    String.raw`90 22 254:0 /disk /home/ann/my\040drive/inner rw - ext4 /dev/vda rw`,
    '',
  ].join('\n');
  assert.deepEqual([...parseMountTable(text)], ['/', '/home/ann/my drive/inner']);
});

test('H67 a mount below a folder is found by its path in it', { skip: !existsSync('/proc/self/mountinfo') }, () => {
  const points = createMountPoints('/');
  assert.ok(points.has('proc'));
  assert.equal(points.has('proc/self'), false);
});
