import { backoffMs, REQUEST_BACKOFF } from '@satchel/core/backoff.ts';
import { CodedError, type ErrorCode } from '@satchel/protocol/errors.ts';
import type { Clock, Random } from '../ports/clock.ts';
import { OfflineError, type ServerApi } from '../ports/server-api.ts';

/** Refusals that the same request may outlive within seconds. Others need a new request, a person, or more time. */
const PASSING: ReadonlySet<ErrorCode> = new Set(['rate_limited', 'unavailable', 'internal']);

/** 1, 2, 4 and 8 s lie between them. */
const TRIES = 5;

export interface RetryDeps {
  readonly clock: Clock;
  readonly random: Random;
  /** How often the same is asked, the first time included (5). */
  readonly tries?: number;
}

/** Whether the same request may succeed in a moment: the server could not be asked, or said that it is busy. */
export function mayPass(error: unknown): boolean {
  return error instanceof OfflineError || (error instanceof CodedError && PASSING.has(error.code));
}

/** Tries again after 1-2-4-8 s with jitter, or when the server says; the last failure is thrown. */
export async function retrying<T>(deps: RetryDeps, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  for (let failures = 1; ; failures++) {
    try {
      return await work();
    } catch (error) {
      if (signal.aborted || failures >= (deps.tries ?? TRIES) || !mayPass(error)) throw error;
      const retryAfterMs = error instanceof CodedError ? (error.retryAfterS ?? 0) * 1000 : 0;
      await deps.clock.delay(backoffMs(REQUEST_BACKOFF, failures, deps.random.fraction(), retryAfterMs), signal);
      signal.throwIfAborted();
    }
  }
}

/**
 * A ServerApi that retries what may be repeated (V3). Streams are not: whoever takes them knows what has arrived and
 * asks for the rest.
 */
export function withRetry(api: ServerApi, deps: RetryDeps): ServerApi {
  return {
    session: api.session,
    call: (name, input, signal) => retrying(deps, signal, () => api.call(name, input, signal)),
    sendFrames: (target, frames, signal) => retrying(deps, signal, () => api.sendFrames(target, frames, signal)),
    putSigned: (target, bytes, signal) => retrying(deps, signal, () => api.putSigned(target, bytes, signal)),
    fetchFrames: (request, receive, signal) => api.fetchFrames(request, receive, signal),
    fetchContent: (request, receive, signal) => api.fetchContent(request, receive, signal),
    listen: (listener, signal) => api.listen(listener, signal),
  };
}
