/** What signs this device in. */
export interface Tokens {
  readonly accessToken: string;
  /** Wall time, ms; only saves a round trip, since the server is the judge. */
  readonly accessExpiresAtMs: number;
  /** Rotates with each use; a re-used old one revokes the device. */
  readonly refreshToken: string;
}

/**
 * Where the tokens of this device rest.
 *
 * - T1 After `save` resolves, `load` gives these tokens also after power loss.
 * - T2 Nobody but the user can read them.
 * - T3 Works given to `exclusively` never overlap, not even those of two processes: a refresh token is used once.
 */
export interface TokenStore {
  load(): Promise<Tokens | undefined>;
  save(tokens: Tokens): Promise<void>;
  clear(): Promise<void>;
  exclusively<T>(work: () => Promise<T>): Promise<T>;
}
