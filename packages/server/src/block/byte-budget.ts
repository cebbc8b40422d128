import { CodedError } from '@satchel/protocol/errors.ts';
import type { Clock } from '../ports/clock.ts';

/** Bounds the bytes in flight (S11). */
export interface ByteBudget {
  /** Waits a while for room, in turn; then `unavailable`, to be tried again. */
  take(bytes: number): Promise<Disposable>;
  /** Room at once, or none. */
  tryTake(bytes: number): Disposable | undefined;
}

interface Waiter {
  readonly bytes: number;
  readonly admit: () => void;
}

/** @param limit.bytes a request for more than this is treated as one for all of it */
export function createByteBudget(limit: { readonly bytes: number; readonly waitMs: number }, clock: Clock): ByteBudget {
  let free = limit.bytes;
  const waiting: Waiter[] = [];

  function admitWaiting(): void {
    for (let first = waiting[0]; first !== undefined && first.bytes <= free; first = waiting[0]) {
      waiting.shift();
      free -= first.bytes;
      first.admit();
    }
  }
  function holding(bytes: number): Disposable {
    let held = bytes;
    return {
      [Symbol.dispose]() {
        free += held;
        held = 0;
        admitWaiting();
      },
    };
  }
  async function giveUp(waiter: Waiter, settled: AbortSignal, refuse: () => void): Promise<void> {
    await clock.delay(limit.waitMs, settled);
    const place = waiting.indexOf(waiter);
    if (place >= 0) waiting.splice(place, 1);
    refuse();
    admitWaiting();
  }
  function tryTake(asked: number): Disposable | undefined {
    const bytes = Math.min(asked, limit.bytes);
    if (waiting.length > 0 || bytes > free) return undefined;
    free -= bytes;
    return holding(bytes);
  }
  async function take(asked: number): Promise<Disposable> {
    const held = tryTake(asked);
    if (held !== undefined) return held;
    const bytes = Math.min(asked, limit.bytes);
    const settled = new AbortController();
    const admitted = await new Promise<boolean>((resolve) => {
      const waiter: Waiter = { bytes, admit: () => resolve(true) };
      waiting.push(waiter);
      void giveUp(waiter, settled.signal, () => resolve(false));
    });
    settled.abort();
    if (admitted) return holding(bytes);
    throw new CodedError('unavailable', 'The server moves as many bytes as it can hold; try again shortly', {
      retryAfterS: 1,
    });
  }
  return { take, tryTake };
}

/** Bounds the bytes in flight over all requests, and those of one holder to a part of them. */
export interface SharedByteBudget {
  of(holder: string): ByteBudget;
}

/** Two holders at least are needed to use it up: whoever is slow, or means harm, leaves room for others. */
const PART = 0.5;

export function createSharedBudget(
  limit: { readonly bytes: number; readonly waitMs: number },
  clock: Clock,
): SharedByteBudget {
  const whole = createByteBudget(limit, clock);
  const parts = new Map<string, { readonly budget: ByteBudget; uses: number }>();

  /** The holder's part, remembered as long as it is used. */
  function enter(holder: string, use: DisposableStack): ByteBudget {
    const part = parts.get(holder) ?? {
      budget: createByteBudget({ ...limit, bytes: limit.bytes * PART }, clock),
      uses: 0,
    };
    parts.set(holder, part);
    part.uses++;
    use.defer(() => {
      if (--part.uses === 0) parts.delete(holder);
    });
    return part.budget;
  }
  return {
    of: (holder) => ({
      async take(bytes) {
        using use = new DisposableStack();
        use.use(await enter(holder, use).take(bytes));
        use.use(await whole.take(bytes));
        return use.move();
      },
      tryTake(bytes) {
        using use = new DisposableStack();
        const own = enter(holder, use).tryTake(bytes);
        if (own === undefined) return undefined;
        use.use(own);
        const room = whole.tryTake(bytes);
        if (room === undefined) return undefined;
        use.use(room);
        return use.move();
      },
    }),
  };
}
