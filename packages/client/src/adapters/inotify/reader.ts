import { closeSync } from 'node:fs';
import type { NativeCalls, Poll } from '../native-calls.ts';
import { decodeEvents, type InotifyEvent } from './events.ts';

/** A buffer of this size holds at least 240 events with the longest names and about 2,000 usual ones. */
const BUFFER_BYTES = 65_536;
/** One drain gives the event loop back after this time. */
const SLICE_MS = 8;
/** In a flood: so many drains at once in each window, then the rest waits for the window's end and is coalesced. */
const WINDOW_MS = 16;
const DRAINS_PER_WINDOW = 8;

export interface ReaderEvents {
  event(event: InotifyEvent): void;
  /** After the last event of a drain. */
  drained(): void;
  failed(error: Error): void;
}

/** Reads one inotify descriptor from the event loop; costs no thread and, while nothing happens, no CPU. */
export class InotifyReader {
  readonly descriptor: number;
  readonly #calls: NativeCalls;
  readonly #events: ReaderEvents;
  readonly #buffer = Buffer.from(new ArrayBuffer(BUFFER_BYTES));
  readonly #poll: Poll;
  #windowStart = 0;
  #drains = 0;
  #pausedFor: NodeJS.Timeout | undefined;
  #suspended = false;
  #closed = false;

  constructor(calls: NativeCalls, events: ReaderEvents) {
    this.#calls = calls;
    this.#events = events;
    this.descriptor = calls.inotifyInit();
    this.#poll = calls.pollReadable(this.descriptor, () => this.#readable());
  }

  /** Reads until nothing is waiting. An event is queued before the system call that causes it returns. */
  async drain(): Promise<void> {
    while (!this.#closed && !this.#suspended && !this.#drainSlice()) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Stops reading, so that the kernel's queue fills. For tests of the overflow. */
  suspend(): void {
    this.#suspended = true;
    this.#poll.pause();
  }

  resume(): void {
    this.#suspended = false;
    this.#poll.resume();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#pausedFor);
    await this.#poll.close();
    closeSync(this.descriptor);
  }

  #readable(): void {
    if (this.#closed || this.#suspended || this.#pausedFor !== undefined) return;
    const now = performance.now();
    if (now - this.#windowStart > WINDOW_MS) {
      this.#windowStart = now;
      this.#drains = 0;
    }
    this.#drains += 1;
    if (this.#drains <= DRAINS_PER_WINDOW) {
      this.#drainSlice();
      return;
    }
    this.#poll.pause();
    this.#pausedFor = setTimeout(
      () => {
        this.#pausedFor = undefined;
        if (!this.#closed && !this.#suspended) this.#poll.resume();
      },
      this.#windowStart + WINDOW_MS - now,
    );
  }

  /** True when nothing was left waiting. */
  #drainSlice(): boolean {
    const end = performance.now() + SLICE_MS;
    let empty = false;
    try {
      do {
        const length = this.#calls.readAvailable(this.descriptor, this.#buffer);
        empty = length === 0;
        for (const event of decodeEvents(this.#buffer, length)) this.#events.event(event);
      } while (!empty && performance.now() < end);
    } catch (error) {
      this.#events.failed(error as Error);
      return true;
    }
    this.#events.drained();
    return empty;
  }
}
