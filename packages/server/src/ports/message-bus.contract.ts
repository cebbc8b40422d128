import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { UserId, WorkspaceId } from '@satchel/protocol/ids.ts';
import type { Ping } from '@satchel/protocol/notify.ts';
import type { MessageBus } from './message-bus.ts';

export interface BusUnderTest {
  readonly bus: MessageBus;
  /** Resolves when everything published so far has been delivered. */
  delivered(): Promise<void>;
}

const here = { workspace: 'w1' as WorkspaceId };
const there = { workspace: 'w2' as WorkspaceId };
/** The same id as a workspace's, so that the kinds of topics are seen to be apart. */
const person = { user: 'w1' as UserId };

/** The rules of `MessageBus`, run against one adapter. */
export function messageBusContract(name: string, open: () => Promise<BusUnderTest>): void {
  test(`${name}: M1 a subscriber gets the pings of its topic, in order, and no others`, async () => {
    const { bus, delivered } = await open();
    const heard: Ping[] = [];
    bus.publish(here, { seq: 1 });
    using _ = await bus.subscribe(here, (ping) => heard.push(ping));
    bus.publish(here, { seq: 2 });
    bus.publish(there, { seq: 3 });
    bus.publish(person, { workspaces: true });
    bus.publish(here, { seq: 4 });
    await delivered();
    assert.deepEqual(
      heard.filter((ping) => ping.seq !== 1),
      [{ seq: 2 }, { seq: 4 }],
    );
  });

  test(`${name}: M1 every subscriber of a topic hears a ping`, async () => {
    const { bus, delivered } = await open();
    const heard: string[] = [];
    const listener = (): void => void heard.push('same');
    using subscriptions = new DisposableStack();
    subscriptions.use(await bus.subscribe(person, listener));
    subscriptions.use(await bus.subscribe(person, listener));
    subscriptions.use(await bus.subscribe(person, () => heard.push('c')));
    bus.publish(person, { workspaces: true });
    await delivered();
    assert.deepEqual(heard.sort(), ['c', 'same', 'same']);
  });

  test(`${name}: M2 a subscriber that throws disturbs neither the publisher nor the others`, async () => {
    const { bus, delivered } = await open();
    const heard: Ping[] = [];
    using subscriptions = new DisposableStack();
    const bad = (): void => {
      throw new Error('a bad listener');
    };
    subscriptions.use(await bus.subscribe(here, bad));
    subscriptions.use(await bus.subscribe(here, (ping) => heard.push(ping)));
    bus.publish(here, { seq: 1 });
    assert.deepEqual(heard, [], 'publishing does not wait for subscribers');
    await delivered();
    assert.deepEqual(heard, [{ seq: 1 }]);
  });

  test(`${name}: M3 after disposal a subscriber hears nothing, others go on`, async () => {
    const { bus, delivered } = await open();
    const heard: string[] = [];
    const first = await bus.subscribe(here, () => heard.push('first'));
    using _ = await bus.subscribe(here, () => heard.push('second'));
    first[Symbol.dispose]();
    bus.publish(here, { seq: 1 });
    await delivered();
    assert.deepEqual(heard, ['second']);
  });
}
