/** Inputs as somebody would make them who wants a parser to fail. */
import assert from 'node:assert/strict';
import * as fc from 'fast-check';

/** Values at which lengths and counts go wrong, in both byte orders and as varints. */
const EXTREMES: readonly (readonly number[])[] = [
  [0x00],
  [0x7f],
  [0x80],
  [0xff],
  [0xff, 0xff, 0xff, 0xff],
  [0x7f, 0xff, 0xff, 0xff],
  [0x80, 0x00, 0x00, 0x00],
  [0x00, 0x40, 0x00, 0x01],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
  [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10],
];

type Damage = (bytes: Uint8Array) => Uint8Array;

const at = fc.nat({ max: 0xffff });

const damage: fc.Arbitrary<Damage> = fc.oneof(
  // A bit turns.
  fc.tuple(at, fc.nat({ max: 7 })).map(([place, bit]): Damage => (bytes) => {
    if (bytes.length > 0) bytes[place % bytes.length]! ^= 1 << bit;
    return bytes;
  }),
  // The end is missing.
  at.map(
    (place): Damage =>
      (bytes) =>
        bytes.slice(0, place % (bytes.length + 1)),
  ),
  // A number is the greatest, the least, or just beyond a limit.
  fc.tuple(at, fc.constantFrom(...EXTREMES)).map(([place, value]): Damage => (bytes) => {
    const from = bytes.length === 0 ? 0 : place % bytes.length;
    for (const [index, byte] of value.entries()) if (from + index < bytes.length) bytes[from + index] = byte;
    return bytes;
  }),
  // A part comes twice, or something strange comes in between.
  fc.tuple(at, at).map(([one, other]): Damage => (bytes) => {
    const [from, to] = [one % (bytes.length + 1), other % (bytes.length + 1)].sort((a, b) => a - b) as [number, number];
    return Buffer.concat([bytes.subarray(0, to), bytes.subarray(from)]);
  }),
  fc.tuple(at, fc.uint8Array({ maxLength: 12 })).map(([place, strange]): Damage => (bytes) => {
    const cut = place % (bytes.length + 1);
    return Buffer.concat([bytes.subarray(0, cut), strange, bytes.subarray(cut)]);
  }),
);

/** What is valid, and what comes of it by a few damages; and bytes that never were anything. */
export function hostileBytes(valid: fc.Arbitrary<Uint8Array>, maxLength = 400): fc.Arbitrary<Uint8Array<ArrayBuffer>> {
  const damaged = fc.tuple(valid, fc.array(damage, { maxLength: 4 })).map(([bytes, damages]) => {
    let now: Uint8Array = Uint8Array.from(bytes);
    for (const change of damages) now = change(now);
    return Uint8Array.from(now);
  });
  const strange = fc.uint8Array({ maxLength }).map((bytes) => Uint8Array.from(bytes));
  return fc.oneof({ arbitrary: damaged, weight: 5 }, { arbitrary: strange, weight: 1 });
}

const SEASONING = [
  '',
  '\0',
  '\r\n',
  '..',
  '/',
  '%00',
  '\u202e',
  '\ud800',
  'e\u0301',
  '-0',
  '1e999',
  '9007199254740993',
  '9'.repeat(400),
  '['.repeat(2000),
  '{"a":'.repeat(500),
  '__proto__',
  '"',
];

/** Text that a parser of text takes for its own, mutilated. */
export function hostileText(valid: fc.Arbitrary<string>, maxLength = 200): fc.Arbitrary<string> {
  const cut = fc.tuple(valid, valid, at, at, fc.constantFrom(...SEASONING)).map(([one, other, from, to, strange]) => {
    const [head, tail] = [from % (one.length + 1), to % (other.length + 1)];
    return `${one.slice(0, head)}${strange}${other.slice(tail)}`;
  });
  return fc.oneof(valid, cut, fc.string({ unit: 'binary', maxLength }), fc.constantFrom(...SEASONING));
}

/** Sizes of the pieces in which a stream arrives. */
export const pieceSizes: fc.Arbitrary<readonly number[]> = fc.array(fc.integer({ min: 1, max: 90 }), {
  minLength: 1,
  maxLength: 6,
});

export function* piecesOf(bytes: Uint8Array, sizes: readonly number[]): Generator<Uint8Array<ArrayBuffer>> {
  const body = Uint8Array.from(bytes);
  for (let from = 0, turn = 0; from < body.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1;
    yield body.subarray(from, from + size);
    from += size;
  }
}

/** Memory outside the heap that one input of a few hundred bytes may make a parser ask for: a chunk, and some room. */
const MOST_BYTES = 12 * 1024 * 1024;

/** Runs a parser and sees that it did not believe a declared size. */
export function frugally<T>(parse: () => T): T {
  const before = process.memoryUsage().arrayBuffers;
  const result = parse();
  const taken = process.memoryUsage().arrayBuffers - before;
  assert.ok(taken <= MOST_BYTES, `a small input made it take ${taken} bytes`);
  return result;
}
