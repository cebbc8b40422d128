import type { Ping } from '@satchel/protocol/notify.ts';
import type { MessageBus, Topic } from '../ports/message-bus.ts';

/** One subscription of the bus per topic, shared by all clients of this node that listen to it. */
export interface TopicFanOut {
  /** Resolves when no later ping will be missed. */
  listen(topic: Topic, listener: (ping: Ping) => void): Promise<Disposable>;
}

interface SharedTopic {
  readonly listeners: Set<(ping: Ping) => void>;
  readonly subscription: Promise<Disposable>;
}

function nameOf(topic: Topic): string {
  return 'workspace' in topic ? `workspace ${topic.workspace}` : `user ${topic.user}`;
}

export function createTopicFanOut(bus: MessageBus): TopicFanOut {
  const topics = new Map<string, SharedTopic>();

  function share(topic: Topic): SharedTopic {
    const listeners = new Set<(ping: Ping) => void>();
    const subscription = bus.subscribe(topic, (ping) => {
      for (const listener of listeners) listener(ping);
    });
    return { listeners, subscription };
  }
  function forget(name: string, shared: SharedTopic): void {
    if (topics.get(name) === shared) topics.delete(name);
  }
  return {
    async listen(topic, listener) {
      const name = nameOf(topic);
      let shared = topics.get(name);
      if (shared === undefined) {
        shared = share(topic);
        topics.set(name, shared);
      }
      const held = shared;
      // A function of its own, so that the same listener may listen twice.
      const own = (ping: Ping): void => listener(ping);
      held.listeners.add(own);
      try {
        await held.subscription;
      } catch (error) {
        held.listeners.delete(own);
        forget(name, held);
        throw error;
      }
      return {
        [Symbol.dispose]() {
          if (!held.listeners.delete(own) || held.listeners.size > 0) return;
          forget(name, held);
          void held.subscription.then((subscription) => subscription[Symbol.dispose]());
        },
      };
    },
  };
}
