/** Time and chance are ports, so that a simulation can own them. */
export interface Clock {
  /** Wall time, ms since 1970. For people and expiry only, never for order (C2). */
  now(): number;
  /** Monotonic ms. */
  monotonic(): number;
  /** Resolves after `ms`, or at once when the signal aborts. */
  delay(ms: number, signal?: AbortSignal): Promise<void>;
}

export interface Random {
  /** Cryptographically strong bytes. */
  bytes(length: number): Uint8Array;
  /** In [0, 1): for jitter. */
  fraction(): number;
}
