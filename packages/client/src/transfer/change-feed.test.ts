import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CodedError } from '@satchel/protocol/errors.ts';
import type { Ping } from '@satchel/protocol/notify.ts';
import type { Clock } from '../ports/clock.ts';
import { OfflineError, type EventListener, type ServerApi, type SessionState } from '../ports/server-api.ts';
import { followChanges, OPEN_WITHIN_MS, SILENCE_MS } from './change-feed.ts';

/** Time stands still until a test moves it. */
function createSteppedClock(): Clock & { advance(ms: number): Promise<void> } {
  let now = 0;
  const waiting = new Set<{ readonly at: number; readonly wake: () => void }>();
  const settle = async (): Promise<void> => {
    for (let turns = 0; turns < 20; turns++) await new Promise((resolve) => setImmediate(resolve));
  };
  return {
    now: () => now,
    monotonic: () => now,
    delay: (ms, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted) return resolve();
        const entry = { at: now + ms, wake: () => (waiting.delete(entry), resolve()) };
        waiting.add(entry);
        signal?.addEventListener('abort', entry.wake, { once: true });
      }),
    async advance(ms) {
      const until = now + ms;
      await settle();
      for (;;) {
        const next = [...waiting].sort((a, b) => a.at - b.at)[0];
        if (next === undefined || next.at > until) break;
        now = next.at;
        next.wake();
        await settle();
      }
      now = until;
      await settle();
    },
  };
}

/** A scripted server: a test decides how each way behaves. */
function follow(script: {
  readonly listen: (listener: EventListener, signal: AbortSignal) => Promise<void>;
  readonly poll?: () => Promise<{ pings: Ping[] }>;
  readonly refresh?: () => Promise<void>;
  readonly isBehind?: () => boolean;
  /** The user is away from the beginning on; by default at work. */
  readonly isIdle?: boolean;
}) {
  const clock = createSteppedClock();
  const log: string[] = [];
  const stop = new AbortController();
  const watchers = new Set<(state: SessionState) => void>();
  const it = {
    clock,
    log,
    listens: 0,
    polls: 0,
    session: 'signed_in' as SessionState,
    signIn,
    end,
    ended: Promise.resolve(),
    hurry: (): void => undefined,
  };
  function signIn(): void {
    it.session = 'signed_in';
    for (const watcher of watchers) watcher('signed_in');
  }
  async function end(): Promise<void> {
    stop.abort(new Error('stopped'));
    await it.ended;
  }
  const api = {
    session: {
      state: () => it.session,
      watch: (watcher: (state: SessionState) => void) => {
        watchers.add(watcher);
        return { [Symbol.dispose]: () => void watchers.delete(watcher) };
      },
    },
    listen(listener: EventListener, signal: AbortSignal) {
      it.listens++;
      return script.listen(listener, signal);
    },
    call() {
      it.polls++;
      return script.poll?.() ?? Promise.reject(new CodedError('not_found', 'no such call'));
    },
  } as unknown as ServerApi;
  it.ended = Promise.resolve().then(() =>
    followChanges(
      {
        api,
        clock,
        random: { bytes: (length) => new Uint8Array(length), fraction: () => 0.5 },
        idleMs: () => (script.isIdle === true ? clock.monotonic() : 0),
        rest: (ms, signal) =>
          Promise.race([clock.delay(ms, signal), new Promise<void>((resolve) => (it.hurry = resolve))]),
      },
      {
        ping: (ping) => log.push(`ping ${ping.seq}`),
        state: (state) => log.push(state),
        isBehind: () => script.isBehind?.() ?? false,
        async refresh() {
          log.push('refresh');
          await script.refresh?.();
        },
      },
      stop.signal,
    ),
  );
  return it;
}

/** A stream that stays open until aborted. */
const open = (listener: EventListener, signal: AbortSignal): Promise<void> => {
  listener.open();
  listener.heard();
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
};

test('S9 a stream that opens is live, begins with a refresh, and gives its pings', async () => {
  const it = follow({
    listen(listener, signal) {
      const ended = open(listener, signal);
      listener.ping({ seq: 5 });
      return ended;
    },
  });
  await it.clock.advance(1000);
  assert.deepEqual(it.log, ['live', 'refresh', 'ping 5']);
  await it.end();
});

test('S9 what a ping told of, and could not be had then, is asked for again within a minute', async () => {
  let isBehind = false;
  const it = follow({
    async listen(listener, signal) {
      const beating = async (): Promise<void> => {
        while (!signal.aborted) {
          await it.clock.delay(30_000, signal);
          listener.heard();
        }
      };
      await Promise.all([open(listener, signal), beating()]);
    },
    isBehind: () => isBehind,
    refresh: async () => void (isBehind = false),
  });
  await it.clock.advance(300_000);
  isBehind = true;
  await it.clock.advance(60_000);
  assert.deepEqual(it.log, ['live', 'refresh', 'refresh']);
  await it.end();
});

test('S9 under push it is asked rarely, not never', async () => {
  const it = follow({
    async listen(listener, signal) {
      const beating = async (): Promise<void> => {
        while (!signal.aborted) {
          await it.clock.delay(30_000, signal);
          listener.heard();
        }
      };
      await Promise.all([open(listener, signal), beating()]);
    },
  });
  await it.clock.advance(3_600_000);
  const refreshes = it.log.filter((entry) => entry === 'refresh').length;
  assert.ok(refreshes >= 3 && refreshes <= 5, `${refreshes} in an hour`);
  assert.equal(it.listens, 1);
  await it.end();
});

test('H99 a stream that falls silent is given up and opened again, with a refresh', async () => {
  const it = follow({ listen: open });
  await it.clock.advance(2 * SILENCE_MS + 5000);
  assert.ok(it.listens >= 2);
  assert.deepEqual(it.log.slice(0, 5), ['live', 'refresh', 'offline', 'live', 'refresh']);
  await it.end();
});

test('a stream that the server ends in good order is opened again without being offline', async () => {
  const it = follow({
    async listen(listener, signal) {
      listener.open();
      listener.heard();
      listener.reconnectIn(4000);
      await it.clock.delay(60_000, signal);
    },
  });
  await it.clock.advance(200_000);
  assert.ok(it.listens >= 3);
  assert.ok(!it.log.includes('offline'));
  await it.end();
});

test('H100 a server that is away is asked with growing pauses, up to five minutes', async () => {
  const it = follow({ listen: () => Promise.reject(new OfflineError('away')), isIdle: true });
  await it.clock.advance(3_600_000);
  assert.ok(it.listens > 15 && it.listens < 50, `${it.listens} tries in an hour`);
  assert.deepEqual(it.log, ['offline']);
  await it.end();
});

test('a server that is away is asked every ten seconds while the user is at work, and at once when somebody asks', async () => {
  const it = follow({ listen: () => Promise.reject(new OfflineError('away')) });
  await it.clock.advance(600_000);
  const tries = it.listens;
  assert.ok(tries >= 55 && tries <= 75, `${tries} tries in ten minutes`);
  it.hurry();
  await it.clock.advance(0);
  assert.equal(it.listens, tries + 1);
  await it.end();
});

test('where streams do not get through long polls do, and the stream is tried again later', async () => {
  const it = follow({
    listen: (listener, signal) => {
      listener.open(); // a proxy that holds back what follows
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
    },
    async poll() {
      await it.clock.delay(55_000);
      return { pings: [{ seq: 9 }] };
    },
  });
  await it.clock.advance(SILENCE_MS * 2 + 120_000);
  assert.ok(it.polls >= 2);
  assert.ok(it.log.includes('ping 9'));
  assert.equal(it.listens, 1);
  await it.clock.advance(20 * 60_000);
  assert.ok(it.listens >= 2);
  await it.end();
});

test('H99 a stream that never opens and long polls that are never answered end in polling within the first minutes', async () => {
  const it = follow({
    listen: (_, signal) =>
      new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
    async poll() {
      await it.clock.delay(60_000);
      throw new OfflineError('silent for 60 s');
    },
  });
  await it.clock.advance(OPEN_WITHIN_MS + 20_000);
  assert.deepEqual(it.log, ['refresh', 'polling'], 'asked, and at work, before the long poll is given up');
  await it.clock.advance(5 * 60_000);
  assert.equal(it.polls, 1);
  const refreshes = it.log.filter((entry) => entry === 'refresh').length;
  assert.ok(refreshes >= 12, `${refreshes} in five minutes`);
  await it.end();
});

test('where nothing else gets through it is polled every 10 s while the user is active', async () => {
  const it = follow({ listen: () => Promise.reject(new Error('no streams here')) });
  await it.clock.advance(5 * 60_000);
  assert.ok(it.log.includes('polling'));
  const refreshes = it.log.filter((entry) => entry === 'refresh').length;
  assert.ok(refreshes >= 20 && refreshes <= 40, `${refreshes} in five minutes`);
  await it.end();
});

test('a refresh that fails under a live stream counts as a failure of the feed', async () => {
  let away = true;
  const it = follow({
    listen: open,
    refresh: () => (away ? Promise.reject(new OfflineError('away')) : Promise.resolve()),
  });
  await it.clock.advance(10_000);
  assert.ok(it.log.includes('offline'));
  away = false;
  await it.clock.advance(60_000);
  assert.deepEqual(it.log.slice(-2), ['live', 'refresh']);
  await it.end();
});

test('H97 signed out, it asks nothing until this device has signed in again', async () => {
  const it = follow({
    listen: (listener, signal) =>
      it.session === 'signed_in' && it.listens > 1
        ? open(listener, signal)
        : Promise.reject(((it.session = 'device_revoked'), new CodedError('device_revoked', 'revoked'))),
  });
  await it.clock.advance(3_600_000);
  assert.equal(it.listens, 1);
  assert.deepEqual(it.log, ['signed_out']);
  it.signIn();
  await it.clock.advance(1000);
  assert.deepEqual(it.log, ['signed_out', 'live', 'refresh']);
  await it.end();
});
