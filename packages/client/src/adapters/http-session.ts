import { CodedError } from '@satchel/protocol/errors.ts';
import type { TokenAnswer } from '@satchel/protocol/accounts.ts';
import type { Clock } from '../ports/clock.ts';
import type { TokenStore, Tokens } from '../ports/secrets.ts';
import { OfflineError, type Session, type SessionState } from '../ports/server-api.ts';

/** Asks the server for new tokens. Throws CodedError when it refuses. */
export type RefreshTokens = (refreshToken: string, signal: AbortSignal) => Promise<TokenAnswer>;

export interface TokenSession extends Session {
  /**
   * An access token that should still be good. `refused`: the one that the server has just called expired.
   * Throws CodedError('sign_in_required' | 'device_revoked') when only a person can help.
   */
  accessToken(signal: AbortSignal, refused?: string): Promise<string>;
  /** Told of a refusal that ends the session. */
  end(state: Exclude<SessionState, 'signed_in'>): void;
}

/** Renewed when less than this is left, so that a request does not expire on its way. */
const RENEW_BEFORE_MS = 30_000;

/** The lock of the store is not held for longer by a server that answers a byte at a time. */
const REFRESH_LIMIT_MS = 120_000;

/** Refusals of a refresh token after which asking again is of no use. */
const FINAL: Readonly<Record<string, Exclude<SessionState, 'signed_in'>>> = {
  sign_in_required: 'sign_in_required',
  credentials_refused: 'sign_in_required',
  token_expired: 'sign_in_required',
  request_invalid: 'sign_in_required',
  device_revoked: 'device_revoked',
};

export interface SessionOptions {
  readonly store: TokenStore;
  readonly clock: Clock;
  readonly refresh: RefreshTokens;
}

export function createTokenSession(options: SessionOptions): TokenSession {
  return new StoredSession(options);
}

class StoredSession implements TokenSession {
  readonly #options: SessionOptions;
  readonly #listeners = new Set<(state: SessionState) => void>();
  #state: SessionState = 'signed_in';
  #tokens: Tokens | undefined;
  #refreshing: Promise<Tokens> | undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  state(): SessionState {
    return this.#state;
  }

  watch(listener: (state: SessionState) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  end(state: Exclude<SessionState, 'signed_in'>): void {
    this.#become(state);
  }

  async adopt(signedIn: Parameters<Session['adopt']>[0]): Promise<void> {
    const { store } = this.#options;
    const fresh = this.#tokensOf(signedIn);
    await store.exclusively(() => store.save(fresh));
    this.#tokens = fresh;
    this.#become('signed_in');
  }

  async forget(): Promise<void> {
    const { store } = this.#options;
    await store.exclusively(() => store.clear());
    this.#tokens = undefined;
    this.#become('sign_in_required');
  }

  async reload(): Promise<void> {
    const stored = await this.#options.store.load();
    if (stored === undefined || stored.refreshToken === this.#tokens?.refreshToken) return;
    this.#tokens = stored;
    this.#become('signed_in');
  }

  async accessToken(signal: AbortSignal, refused?: string): Promise<string> {
    if (this.#state !== 'signed_in') throw stateError(this.#state);
    this.#tokens ??= await this.#options.store.load();
    if (this.#tokens !== undefined && this.#isGood(this.#tokens, refused)) return this.#tokens.accessToken;
    this.#refreshing ??= this.#renew(refused).finally(() => (this.#refreshing = undefined));
    this.#tokens = await untilAborted(this.#refreshing, signal);
    return this.#tokens.accessToken;
  }

  #become(next: SessionState): void {
    if (next === this.#state) return;
    this.#state = next;
    for (const listener of this.#listeners) listener(next);
  }

  #tokensOf(answer: Parameters<Session['adopt']>[0]): Tokens {
    return {
      accessToken: answer.access_token,
      refreshToken: answer.refresh_token,
      accessExpiresAtMs: this.#options.clock.now() + answer.expires_in * 1000,
    };
  }

  #isGood(tokens: Tokens, refused: string | undefined): boolean {
    return tokens.accessToken !== refused && tokens.accessExpiresAtMs - this.#options.clock.now() > RENEW_BEFORE_MS;
  }

  /** One at a time in all processes; one that finds newer tokens in the store uses those. */
  #renew(refused: string | undefined): Promise<Tokens> {
    const { store, refresh } = this.#options;
    return store.exclusively(async () => {
      const stored = await store.load();
      if (stored === undefined) {
        this.#become('sign_in_required');
        throw stateError('sign_in_required');
      }
      if (this.#isGood(stored, refused)) return stored;
      try {
        const renewed = this.#tokensOf(await refresh(stored.refreshToken, AbortSignal.timeout(REFRESH_LIMIT_MS)));
        await store.save(renewed);
        return renewed;
      } catch (error) {
        const final = error instanceof CodedError ? FINAL[error.code] : undefined;
        if (error instanceof DOMException)
          throw new OfflineError('The server takes too long to renew the sign-in.', error);
        if (final === undefined) throw error;
        this.#become(final);
        throw stateError(final, error);
      }
    });
  }
}

function stateError(state: Exclude<SessionState, 'signed_in'>, cause?: unknown): CodedError {
  const message =
    state === 'device_revoked'
      ? 'This device was signed out on the server. Sign in again: satchel login.'
      : 'This device is not signed in. Sign in: satchel login.';
  return new CodedError(state, message, { cause });
}

/** The shared work goes on when one of those who wait for it gives up. */
function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const abort = (): void => reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  work.then(resolve, reject);
  return promise.finally(() => signal.removeEventListener('abort', abort));
}
