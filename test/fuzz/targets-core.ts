/** Parsers of core and protocol: what is on the wire, in databases and in files of users. */
import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { applyDelta, encodeDelta } from '@satchel/core/delta.ts';
import { createFrameReader } from '@satchel/core/frame-reader.ts';
import { BATCH_LIMITS, encodeFailureFrame, encodeFrameHeader, type Frame } from '@satchel/core/frame.ts';
import { createIgnoreRules } from '@satchel/core/ignore-rules.ts';
import { decodeManifest, encodeManifest, manifestFault, totalSize } from '@satchel/core/manifest.ts';
import { decodeSignature, encodeSignature, signatureOf } from '@satchel/core/signature.ts';
import { applySplice } from '@satchel/core/splice.ts';
import { utf8Bytes, utf8Length, utf8Prefix } from '@satchel/core/utf8.ts';
import { readVarint } from '@satchel/core/varint.ts';
import type { ChunkId } from '@satchel/protocol/ids.ts';
import { LIMITS } from '@satchel/protocol/limits.ts';
import { Name, nameFault } from '@satchel/protocol/names.ts';
import type { ChunkRef } from '@satchel/protocol/objects.ts';
import { ROUTES, type Route } from '@satchel/protocol/routes.ts';
import * as fc from 'fast-check';
import { frugally, hostileBytes, hostileText, piecesOf, pieceSizes } from './hostile.ts';
import type { Target } from './run.ts';

const sha256 = (bytes: Uint8Array): Uint8Array => hash('sha256', bytes, 'buffer');
const idOf = (text: string): ChunkId => hash('sha256', text) as ChunkId;

const chunk: fc.Arbitrary<ChunkRef> = fc.record({
  id: fc.nat().map((number) => idOf(`${number}`)),
  size: fc.integer({ min: 1, max: LIMITS.chunkBytes }),
});
const manifest = fc.array(chunk, { maxLength: 8 });

const frameBody = fc.array(
  fc.tuple(
    fc.constantFrom('raw' as const, 'zstd' as const, 'delta' as const),
    fc.uint8Array({ minLength: 1, maxLength: 40 }),
  ),
  { maxLength: 5 },
);
const frames = frameBody.map((parts) =>
  Buffer.concat(
    parts.flatMap(([encoding, payload]) => {
      const baseId = encoding === 'delta' ? idOf('base') : undefined;
      const header = { kind: 'chunk', chunkId: idOf('x'), encoding, rawSize: payload.length, baseId } as const;
      return [encodeFrameHeader(header, payload.length), payload, encodeFailureFrame(idOf('y'), 'not_found')];
    }),
  ),
);

/** What a reader makes of a body: the same in whatever pieces it comes. */
function framesIn(
  body: Uint8Array,
  sizes: readonly number[],
): { readonly frames: readonly Frame[]; readonly fault: unknown } {
  const reader = createFrameReader(BATCH_LIMITS);
  const read: Frame[] = [];
  for (const piece of piecesOf(body, sizes)) read.push(...reader.push(piece).frames);
  return { frames: read, fault: reader.finish() };
}

const delta = fc
  .array(
    fc.oneof(
      fc.record({ kind: fc.constant('copy' as const), offset: fc.nat(200), length: fc.integer({ min: 1, max: 200 }) }),
      fc.record({ kind: fc.constant('literal' as const), bytes: fc.uint8Array({ minLength: 1, maxLength: 30 }) }),
    ),
    { maxLength: 6 },
  )
  .map((instructions) => encodeDelta(instructions as never));

const schemas = Object.values<Route>(ROUTES).flatMap(({ body, query }) => [
  ...(query === undefined ? [] : [query]),
  ...(body === undefined || body === 'bytes' ? [] : [body]),
]);

export const CORE_TARGETS: readonly Target[] = [
  {
    name: 'frames of a batch or fetch',
    property: fc.property(hostileBytes(frames), pieceSizes, (body, sizes) => {
      const whole = frugally(() => framesIn(body, [body.length + 1]));
      assert.deepEqual(framesIn(body, sizes), whole);
      assert.ok(whole.frames.length <= body.length / 2);
    }),
  },
  {
    name: 'chunk lists (manifests)',
    property: fc.property(hostileBytes(manifest.map(encodeManifest)), (bytes) => {
      const decoded = frugally(() => decodeManifest(bytes));
      if (!decoded.ok) return;
      assert.equal(manifestFault(decoded.value), undefined);
      assert.ok(Number.isSafeInteger(totalSize(decoded.value)));
      assert.deepEqual(Buffer.from(encodeManifest(decoded.value)), Buffer.from(bytes), 'one list has one form');
    }),
  },
  {
    name: 'deltas',
    property: fc.property(hostileBytes(delta), fc.uint8Array({ maxLength: 300 }), fc.nat(2000), (bytes, base, most) => {
      const applied = frugally(() => applyDelta(base, bytes, most));
      if (applied.ok) assert.ok(applied.value.length <= most);
    }),
  },
  {
    name: 'signatures of chunks',
    property: fc.property(
      hostileBytes(
        fc.uint8Array({ minLength: 1, maxLength: 3000 }).map((bytes) => encodeSignature(signatureOf(bytes, sha256))),
      ),
      (bytes) => {
        const decoded = frugally(() => decodeSignature(bytes));
        if (decoded.ok) assert.deepEqual(Buffer.from(encodeSignature(decoded.value)), Buffer.from(bytes));
      },
    ),
  },
  {
    name: 'splices of chunk lists',
    property: fc.property(
      manifest,
      fc.array(fc.record({ at: fc.integer(), remove: fc.integer(), insert: fc.array(chunk, { maxLength: 3 }) }), {
        maxLength: 5,
      }),
      (base, edits) => {
        const applied = frugally(() => applySplice(base, edits));
        if (applied.ok) assert.equal(manifestFault(applied.value), undefined);
      },
    ),
  },
  {
    name: 'numbers (varint)',
    property: fc.property(hostileBytes(fc.uint8Array({ maxLength: 10 }), 20), (bytes) => {
      const cursor = { bytes, at: 0 };
      const read = readVarint(cursor);
      assert.ok(cursor.at <= bytes.length);
      if (read.ok) assert.ok(Number.isSafeInteger(read.value) && read.value >= 0);
    }),
  },
  {
    name: 'ignore rules',
    property: fc.property(
      hostileText(fc.constantFrom('*.o\n!a/**/b\n', '/build/\n**/x/**\n[a-z]*\\ \n', '[!]]\n[\\\n{a,b}*\n'), 2000),
      hostileText(fc.constantFrom('a/b/c.o', 'build', 'x/y/x')).filter((path) => path !== ''),
      (text, path) => {
        const rules = createIgnoreRules(text);
        const plain = path.split('/').filter(Boolean).join('/') || 'a';
        for (const isFolder of [true, false])
          assert.equal(rules.ignores(plain, isFolder), rules.explain(plain, isFolder).ignored);
      },
    ),
  },
  {
    name: 'names',
    property: fc.property(hostileText(fc.constantFrom('report.txt', 'é', 'a'.repeat(255))), (name) => {
      assert.equal(Name.safeParse(name).success, nameFault(name) === undefined);
      if (nameFault(name) !== undefined) return;
      assert.ok(!/[/\0]/.test(name) && name !== '.' && name !== '..' && Buffer.byteLength(name) <= LIMITS.nameBytes);
      assert.equal(name.isWellFormed(), true);
    }),
  },
  {
    name: 'text as UTF-8',
    property: fc.property(hostileText(fc.string({ unit: 'grapheme' })), fc.nat(60), (text, most) => {
      assert.equal(utf8Length(text), Buffer.byteLength(text));
      assert.ok(Buffer.from(utf8Bytes(text)).equals(Buffer.from(text)));
      assert.ok(Buffer.byteLength(utf8Prefix(text, most)) <= most && text.startsWith(utf8Prefix(text, most)));
    }),
  },
  {
    name: 'bodies and queries of all calls',
    property: fc.property(
      fc.oneof(
        fc.anything({ maxDepth: 4, withNullPrototype: true, withBigInt: true }),
        fc.json().map((text) => JSON.parse(text) as unknown),
        fc.integer({ min: 1, max: 3000 }).map((depth) => JSON.parse('['.repeat(depth) + ']'.repeat(depth)) as unknown),
      ),
      fc.nat(),
      (body, number) => {
        const schema = schemas[number % schemas.length];
        const { success } = schema!.safeParse(body);
        if (typeof body !== 'object' || body === null) assert.equal(success, false);
      },
    ),
  },
];
