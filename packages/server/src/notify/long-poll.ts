import type { DeviceId, UserId } from '@satchel/protocol/ids.ts';
import { LIMITS } from '@satchel/protocol/limits.ts';
import type { PollAnswer } from '@satchel/protocol/notify.ts';
import type { Clock } from '../ports/clock.ts';
import { createPingQueue, type PingQueue } from './ping-queue.ts';
import type { Attachment, Notifier } from './notifier.ts';

export interface LongPolls {
  /**
   * Pings since the device's last poll, waiting for the first one. A device that has not polled for a minute may have
   * missed some: it is told at once that its workspaces may have changed, so that it lists them.
   */
  poll(caller: { readonly userId: UserId; readonly deviceId: DeviceId }, options: PollOptions): Promise<PollAnswer>;
}

export interface PollOptions {
  readonly timeoutMs?: number | undefined;
  /** The request was given up. */
  readonly signal?: AbortSignal | undefined;
}

/** What keeps collecting between two polls of a device. */
interface Mailbox {
  readonly queue: PingQueue;
  readonly attachment: Attachment;
  /** Ends the wait of the poll that is open. */
  wake: () => void;
  polls: number;
  ended: boolean;
}

const LINGER_MS = 60_000;

export function createLongPolls(notifier: Notifier, clock: Clock): LongPolls {
  const mailboxes = new Map<string, Mailbox>();

  async function open(name: string, userId: UserId): Promise<Mailbox> {
    const queue = createPingQueue();
    const line = { queue, wake: (): void => undefined, polls: 0, ended: false };
    const attachment = await notifier.attach(userId, {
      send(pings) {
        for (const ping of pings) queue.add(ping);
        line.wake();
        return true;
      },
      heartbeat: () => undefined,
      end() {
        mailboxes.delete(name);
        line.ended = true;
        line.wake();
      },
    });
    const mailbox: Mailbox = Object.assign(line, { attachment });
    queue.add({ workspaces: true });
    mailboxes.get(name)?.attachment[Symbol.dispose]();
    mailboxes.set(name, mailbox);
    return mailbox;
  }

  async function expire(name: string, mailbox: Mailbox, polls: number): Promise<void> {
    await clock.delay(LINGER_MS);
    if (mailbox.polls !== polls) return;
    mailbox.attachment[Symbol.dispose]();
    if (mailboxes.get(name) === mailbox) mailboxes.delete(name);
  }

  return {
    async poll(caller, { timeoutMs = LIMITS.longPollMs, signal }) {
      const name = `${caller.userId} ${caller.deviceId}`;
      const mailbox = mailboxes.get(name) ?? (await open(name, caller.userId));
      mailbox.polls++;
      mailbox.wake();
      if (mailbox.queue.isEmpty() && !mailbox.ended) {
        const waited = new AbortController();
        mailbox.wake = () => waited.abort();
        signal?.addEventListener('abort', () => waited.abort(), { once: true });
        if (signal?.aborted) waited.abort();
        await clock.delay(Math.min(timeoutMs, LIMITS.longPollMs), waited.signal);
      }
      void expire(name, mailbox, ++mailbox.polls);
      // A poll that was given up leaves the pings for the next one.
      return { pings: signal?.aborted ? [] : [...mailbox.queue.take()] };
    },
  };
}
