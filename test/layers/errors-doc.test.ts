import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { errorsDocument } from '../../scripts/errors-doc.ts';

test('docs/ERRORS.md says what the table of errors says', () => {
  const written = readFileSync(join(import.meta.dirname, '../../docs/ERRORS.md'), 'utf8');
  assert.equal(written, errorsDocument(), 'run: node scripts/errors-doc.ts');
});
