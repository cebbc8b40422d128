/** A link of limited speed, shared by all who send over it. */

export type LinkSpeed = {
  /** Milliseconds to wait before these bytes may go on. */
  readonly reserve: (sizeBytes: number) => number;
};

/** A token bucket: `bitsPerSecond` on average, bursts of at most `burstMs` worth of bytes. */
export function linkSpeed(bitsPerSecond: number, burstMs = 20): LinkSpeed {
  let freeAt = performance.now();
  return {
    reserve: (sizeBytes) => {
      const now = performance.now();
      freeAt = Math.max(freeAt, now - burstMs) + (sizeBytes * 8000) / bitsPerSecond;
      return Math.max(0, freeAt - now);
    },
  };
}
