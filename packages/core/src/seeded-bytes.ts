/**
 * Bytes that look random and are the same for a seed on every machine; for tests and benchmarks.
 * xorshift32 (Marsaglia, "Xorshift RNGs", 2003), one byte of each output; `seed` is not 0.
 */
export function seededBytes(seed: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = seed | 0;
  for (let at = 0; at < length; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[at] = Math.imul(state, 0x9e3779b1) >>> 24;
  }
  return bytes;
}
