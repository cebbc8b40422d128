import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { protocolDocument } from '../../scripts/protocol-doc.ts';

const written = readFileSync(join(import.meta.dirname, '../../docs/PROTOCOL.md'), 'utf8');

test('docs/PROTOCOL.md has the routes and limits of the code', () => {
  assert.equal(written, protocolDocument(written), 'run: node scripts/protocol-doc.ts');
});

test('docs/PROTOCOL.md: a table that is out of date is noticed', () => {
  const old = written.replace('POST /files/commit', 'POST /files/commits');
  assert.notEqual(old, written);
  assert.notEqual(old, protocolDocument(old));
});
