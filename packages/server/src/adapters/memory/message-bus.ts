import type { Ping } from '@satchel/protocol/notify.ts';
import type { MessageBus, Topic } from '../../ports/message-bus.ts';

type Listener = (ping: Ping) => void;

function keyOf(topic: Topic): string {
  return 'workspace' in topic ? `w${topic.workspace}` : `u${topic.user}`;
}

/**
 * A bus within one process. Listeners run after the publisher has gone on.
 * @param onListenerError is told of a listener that throws; the others still hear the ping
 */
export function createMemoryBus(onListenerError: (error: unknown) => void): MessageBus {
  const topics = new Map<string, Set<Listener>>();
  const deliver = (key: string, ping: Ping): void => {
    for (const listener of topics.get(key) ?? []) {
      try {
        listener(ping);
      } catch (error) {
        onListenerError(error);
      }
    }
  };
  return {
    publish: (topic, ping) => {
      const key = keyOf(topic);
      if (topics.has(key)) queueMicrotask(() => deliver(key, ping));
    },
    subscribe: async (topic, listener) => {
      const key = keyOf(topic);
      // One listener may be subscribed twice, and each subscription ends on its own.
      const own: Listener = (ping) => listener(ping);
      const listeners = topics.get(key) ?? new Set();
      listeners.add(own);
      topics.set(key, listeners);
      return {
        [Symbol.dispose]: () => {
          listeners.delete(own);
          if (listeners.size === 0 && topics.get(key) === listeners) topics.delete(key);
        },
      };
    },
  };
}
