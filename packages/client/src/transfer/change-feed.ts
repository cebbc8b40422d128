import { backoffMs, pollIntervalMs, RECONNECT_BACKOFF } from '@satchel/core/backoff.ts';
import { CodedError } from '@satchel/protocol/errors.ts';
import { LIMITS } from '@satchel/protocol/limits.ts';
import type { Ping } from '@satchel/protocol/notify.ts';
import type { Clock, Random } from '../ports/clock.ts';
import { OfflineError, type ServerApi } from '../ports/server-api.ts';

/** `live`: pings arrive; `polling`: the server is asked now and then; `signed_out`: nothing is asked until `adopt` (H97). */
export type FeedState = 'live' | 'polling' | 'offline' | 'signed_out';

export interface FeedListener {
  ping(ping: Ping): void;
  /** Anything may have changed: ask for the heads of all workspaces. What it throws counts as a failure of the feed. */
  refresh(signal: AbortSignal): Promise<void>;
  /** Whether a ping told of something that could not be had then. */
  isBehind(): boolean;
  state(state: FeedState): void;
}

export interface FeedDeps {
  readonly api: ServerApi;
  readonly clock: Clock;
  readonly random: Random;
  /** Time since the last local or remote change, or wish of the user, in ms. */
  readonly idleMs: () => number;
  /** Resolves after so many milliseconds, or as soon as somebody wants to know how things stand. */
  readonly rest: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** The server sends a heartbeat well within this time; a stream that is silent for longer is dead (H99). */
export const SILENCE_MS = 100_000;
/** A server answers with the head of the stream at once; what holds it back for longer lets no stream through. */
export const OPEN_WITHIN_MS = 10_000;
/** S9: also asked while pings arrive, since push is a hint. Twenty minutes keep an idle hour within 20 KB. */
const REFRESH_UNDER_PUSH_MS = 20 * 60_000;
/** How long a lesser way is used before the better one is tried again. */
const RETRY_BETTER_WAY_MS = 10 * 60_000;

/** A stream that the server ended in good order is opened again within this time. */
const ENDED_STREAM_MS = 1000;

type Way = 'events' | 'long-poll' | 'poll';
const LESSER: Readonly<Record<Way, Way>> = { events: 'long-poll', 'long-poll': 'poll', poll: 'poll' };

interface Feed {
  readonly deps: FeedDeps;
  readonly listener: FeedListener;
  readonly signal: AbortSignal;
  readonly become: (state: FeedState) => void;
  /** Something was heard: the next failure is a first one. */
  readonly succeeded: () => void;
}

/**
 * Tells of changes on the server until aborted: by server-sent events, where those do not get through by long poll,
 * else by polling; every reconnect waits with backoff and jitter (H100) and begins with a refresh.
 */
export async function followChanges(deps: FeedDeps, listener: FeedListener, signal: AbortSignal): Promise<void> {
  let state: FeedState | undefined;
  let failures = 0;
  let way: Way = 'events';
  let lesserUntil = 0;
  const become = (next: FeedState): void => {
    if (next !== state) listener.state((state = next));
  };
  const feed: Feed = { deps, listener, signal, become, succeeded: () => (failures = 0) };
  while (!signal.aborted) {
    if (deps.clock.monotonic() >= lesserUntil) way = 'events';
    try {
      const againMs = await WAYS[way](feed);
      await deps.clock.delay(againMs * deps.random.fraction(), signal);
    } catch (error) {
      if (signal.aborted) return;
      if (deps.api.session.state() !== 'signed_in') {
        become('signed_out');
        await signedIn(deps.api, signal);
        continue;
      }
      failures++;
      if (!isUnreachable(error)) {
        way = LESSER[way];
        lesserUntil = deps.clock.monotonic() + RETRY_BETTER_WAY_MS;
      }
      if (isUnreachable(error) || failures > 1) become('offline');
      await deps.rest(reconnectMs(deps, failures, error), signal);
    }
  }
}

/** Never longer than between two polls: who works in the folder finds the server back within seconds. */
function reconnectMs({ random, idleMs }: FeedDeps, failures: number, error: unknown): number {
  const retryAfterMs = error instanceof CodedError ? (error.retryAfterS ?? 0) * 1000 : 0;
  const waitMs = backoffMs(RECONNECT_BACKOFF, failures, random.fraction(), retryAfterMs);
  return Math.max(retryAfterMs, Math.min(waitMs, pollIntervalMs(idleMs(), random.fraction())));
}

/** Not a matter of the way in which it is asked. */
function isUnreachable(error: unknown): boolean {
  return error instanceof OfflineError || (error instanceof CodedError && error.code !== 'not_found');
}

function signedIn(api: ServerApi, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      watching[Symbol.dispose]();
      signal.removeEventListener('abort', end);
      resolve();
    };
    const watching = api.session.watch((state) => state === 'signed_in' && end());
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted || api.session.state() === 'signed_in') end();
  });
}

/** Each ends after a while, with the time within which to go on, in ms, or with an error. */
const WAYS: Readonly<Record<Way, (feed: Feed) => Promise<number>>> = {
  async events({ deps, listener, signal, become, succeeded }) {
    const { clock, random } = deps;
    const ending = new AbortController();
    const either = AbortSignal.any([signal, ending.signal]);
    let heardAt = clock.monotonic();
    let isOpen = false;
    let wasHeard = false;
    let againMs = ENDED_STREAM_MS;
    const stream = deps.api.listen(
      {
        open: () => {
          isOpen = true;
          heardAt = clock.monotonic();
          become('live');
          listener.refresh(either).then(succeeded, (error: unknown) => ending.abort(error));
        },
        ping: (ping) => listener.ping(ping),
        heard: () => {
          wasHeard = true;
          heardAt = clock.monotonic();
        },
        reconnectIn: (ms) => (againMs = ms),
      },
      either,
    );
    const watchdog = async (): Promise<void> => {
      let refreshAt = clock.monotonic() + REFRESH_UNDER_PUSH_MS * (0.75 + 0.5 * random.fraction());
      await clock.delay(OPEN_WITHIN_MS, either);
      if (!isOpen && !either.aborted) throw new Error('The event stream does not open.');
      while (!either.aborted) {
        await clock.delay(SILENCE_MS / 2, either);
        if (either.aborted) return;
        if (clock.monotonic() - heardAt > SILENCE_MS)
          throw wasHeard ? new OfflineError('The event stream fell silent.') : new Error('Events do not get through.');
        if (clock.monotonic() < refreshAt && !listener.isBehind()) continue;
        refreshAt = clock.monotonic() + REFRESH_UNDER_PUSH_MS * (0.75 + 0.5 * random.fraction());
        await listener.refresh(either);
      }
    };
    try {
      await Promise.race([stream, watchdog()]);
      if (!wasHeard) throw new Error('The event stream ended before it told anything.');
      return againMs;
    } finally {
      ending.abort(new OfflineError('The event stream is over.'));
      await stream.catch(() => undefined); // its failure was thrown above, or is the end that was asked for
    }
  },

  async 'long-poll'({ deps, listener, signal, become, succeeded }) {
    await listener.refresh(signal);
    become('polling');
    const until = deps.clock.monotonic() + RETRY_BETTER_WAY_MS;
    while (!signal.aborted && deps.clock.monotonic() < until) {
      const asked = deps.clock.monotonic();
      const answer = await deps.api
        .call('poll', { query: { timeout_ms: LIMITS.longPollMs } }, signal)
        .catch((error: unknown) => {
          const wasHeld = error instanceof OfflineError && deps.clock.monotonic() - asked >= LIMITS.longPollMs;
          throw wasHeld ? new Error('Long polls do not get through.', { cause: error }) : error;
        });
      become('live');
      succeeded();
      for (const ping of answer.pings) listener.ping(ping);
      const tooQuick = answer.pings.length === 0 && deps.clock.monotonic() - asked < LIMITS.longPollMs / 2;
      if (tooQuick) throw new Error('The server does not hold long polls.');
    }
    return 0;
  },

  async poll({ deps, listener, signal, become, succeeded }) {
    const until = deps.clock.monotonic() + RETRY_BETTER_WAY_MS;
    do {
      await listener.refresh(signal);
      become('polling');
      succeeded();
      await deps.rest(pollIntervalMs(deps.idleMs(), deps.random.fraction()), signal);
    } while (!signal.aborted && deps.clock.monotonic() < until);
    return 0;
  },
};
