import assert from 'node:assert/strict';
import { test } from 'node:test';
import { STATX_BYTES, statOfStatx } from './statx.ts';

/** glibc's gnu_dev_makedev, in its own words. */
function makedev(major: bigint, minor: bigint): bigint {
  return ((major & 0xfffn) << 8n) | ((major & 0xfffff000n) << 32n) | (minor & 0xffn) | ((minor & 0xffffff00n) << 12n);
}

test('H67 a device has the number that lstat gives it', () => {
  for (const [major, minor] of [
    [0, 27],
    [8, 1],
    [253, 300],
    [4095, 0xfffff],
    [4096, 256],
    [0x1fff, 0xff],
  ] as const) {
    const view = new DataView(new ArrayBuffer(STATX_BYTES));
    view.setUint32(136, major, true);
    view.setUint32(140, minor, true);
    assert.equal(statOfStatx(view).dev, Number(makedev(BigInt(major), BigInt(minor))));
  }
});
