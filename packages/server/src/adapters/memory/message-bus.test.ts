import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WorkspaceId } from '@satchel/protocol/ids.ts';
import { messageBusContract } from '../../ports/message-bus.contract.ts';
import { createMemoryBus } from './message-bus.ts';

const delivered = async (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

messageBusContract('memory', async () => ({ bus: createMemoryBus(() => undefined), delivered }));

test('memory: M2 a listener that throws is reported', async () => {
  const errors: unknown[] = [];
  const bus = createMemoryBus((error) => errors.push(error));
  const topic = { workspace: 'w' as WorkspaceId };
  using _ = await bus.subscribe(topic, () => {
    throw new Error('a bad listener');
  });
  bus.publish(topic, { seq: 1 });
  await delivered();
  assert.match(String(errors[0]), /a bad listener/);
});
