import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { utf8Bytes, utf8Length, utf8Prefix } from './utf8.ts';

/** Every UTF-16 text, lone surrogates included. */
const texts = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.array(fc.integer({ min: 0xd700, max: 0xe000 })).map((units) => String.fromCharCode(...units)),
);

test('text is written as TextEncoder writes it', () => {
  fc.assert(
    fc.property(texts, (text) => {
      assert.deepEqual(utf8Bytes(text), new TextEncoder().encode(text));
      assert.equal(utf8Length(text), Buffer.byteLength(text));
    }),
    { numRuns: 1000 },
  );
});

test('a prefix fits, splits no code point, and is the longest that does', () => {
  fc.assert(
    fc.property(texts, fc.nat(30), (text, maxBytes) => {
      const prefix = utf8Prefix(text, maxBytes);
      assert(text.startsWith(prefix) && utf8Length(prefix) <= maxBytes);
      const [following] = text.slice(prefix.length);
      assert(following === undefined || utf8Length(prefix + following) > maxBytes);
      assert(!text.isWellFormed() || prefix.isWellFormed());
    }),
    { numRuns: 1000 },
  );
});
