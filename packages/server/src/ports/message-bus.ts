import type { Ping } from '@satchel/protocol/notify.ts';
import type { UserId, WorkspaceId } from '@satchel/protocol/ids.ts';

export type Topic = { readonly workspace: WorkspaceId } | { readonly user: UserId };

/**
 * Pings between the Meta Service and the notification nodes. Losing one costs latency, never correctness (S9).
 *
 * - M1 A subscriber gets pings published after `subscribe` has resolved, on its topic only.
 * - M2 `publish` never waits for subscribers and never throws because of one.
 * - M3 After disposal a subscriber hears nothing.
 */
export interface MessageBus {
  publish(topic: Topic, ping: Ping): void;
  subscribe(topic: Topic, listener: (ping: Ping) => void): Promise<Disposable>;
}
