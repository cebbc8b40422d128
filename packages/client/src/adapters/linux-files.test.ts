import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nativeFilesContract } from '../ports/native-files.contract.ts';
import { createNativeFiles } from './linux-files.ts';
import { createPortableFiles } from './portable-files.ts';

nativeFilesContract('native', createNativeFiles);
nativeFilesContract('portable', createPortableFiles);

test('N4 on Linux the native adapter can exchange and pin', { skip: process.platform !== 'linux' }, () => {
  assert.deepEqual(createNativeFiles().capabilities, { exchange: true, pinned: true });
});
