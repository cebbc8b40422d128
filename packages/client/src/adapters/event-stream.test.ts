import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AnswerInvalidError } from '../ports/server-api.ts';
import { createEventParser } from './event-stream.ts';

const listener = { heard: () => undefined, ping: () => undefined, reconnectIn: () => undefined, open: () => undefined };

test('an event that never ends is refused, however short its lines', () => {
  for (const line of ['data: x\n', 'data:\n', `data:${'y'.repeat(1000)}\r\n`]) {
    const parser = createEventParser(listener);
    const bytes = new TextEncoder().encode(line);
    assert.throws(() => {
      for (let count = 0; count < 100_000; count++) parser.push(bytes);
    }, AnswerInvalidError);
  }
});

test('a line that never ends is refused, and comments may go on for ever', () => {
  const parser = createEventParser(listener);
  const comment = new TextEncoder().encode(': heartbeat\n\n');
  for (let count = 0; count < 100_000; count++) parser.push(comment);
  const endless = new Uint8Array(1000).fill(0x3a);
  assert.throws(() => {
    for (let count = 0; count < 100; count++) parser.push(endless);
  }, AnswerInvalidError);
});

test('a line end that is cut in two is one line end', () => {
  const pings: unknown[] = [];
  const parser = createEventParser({ ...listener, ping: (ping) => void pings.push(ping) });
  for (const byte of new TextEncoder().encode('data: {\r\ndata: "workspaces":true}\r\n\r\n'))
    parser.push(Uint8Array.of(byte));
  assert.deepEqual(pings, [{ workspaces: true }]);
});
