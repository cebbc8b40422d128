import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DOCUMENTS, readDocument, withTables } from '../../scripts/doc-tables.ts';

for (const [name, tables] of Object.entries(DOCUMENTS)) {
  test(`docs/${name}: its tables are those of the code`, () => {
    const written = readDocument(name);
    assert.equal(written, withTables(written, tables), 'run: node scripts/doc-tables.ts');
  });
}

test('documents: a table that is out of date is noticed, and a mark that is gone', () => {
  const tables = { routes: () => '| a |' };
  const document = 'x\n<!-- routes: generated -->\n| a |\n<!-- routes: end -->\ny';
  assert.equal(withTables(document, tables), document);
  assert.notEqual(withTables(document.replace('| a |', '| b |'), tables), document.replace('| a |', '| b |'));
  assert.throws(() => withTables('x', tables), RangeError);
});
