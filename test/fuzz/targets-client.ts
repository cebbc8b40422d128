/** Parsers of the client: what a server, or something in between, sends; and lines of the control socket. */
import assert from 'node:assert/strict';
import { createEventParser } from '@satchel/client/adapters/event-stream.ts';
import { AnswerParser } from '@satchel/client/adapters/http-body-parser.ts';
import { createLineReader } from '@satchel/client/control/wire.ts';
import { AnswerInvalidError } from '@satchel/client/ports/server-api.ts';
import type { Ping } from '@satchel/protocol/notify.ts';
import * as fc from 'fast-check';
import { frugally, hostileBytes, piecesOf, pieceSizes } from './hostile.ts';
import type { Target } from './run.ts';

const encoded = (text: string): Uint8Array => new TextEncoder().encode(text);

const events = fc
  .array(
    fc.constantFrom(
      'data: {"workspaces":true}\n\n',
      'data: {"workspace":"01hzzzzzzzzzzzzzzzzzzzzzzz",\ndata: "seq":5}\r\n\r\n',
      ': heartbeat\n\n',
      'retry: 3000\n\n',
      'data:\n\n',
    ),
    { maxLength: 5 },
  )
  .map((parts) => encoded(parts.join('')));

const answers = fc
  .array(
    fc.constantFrom(
      'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
      'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 204 No Content\r\nX: y\r\n\r\n',
    ),
    { minLength: 1, maxLength: 2 },
  )
  .map((parts) => encoded(parts.join('')));

interface Heard {
  readonly pings: readonly Ping[];
  readonly failed: boolean;
}

function heardIn(body: Uint8Array, sizes: readonly number[]): Heard {
  const pings: Ping[] = [];
  const parser = createEventParser({
    heard: () => undefined,
    ping: (ping) => void pings.push(ping),
    reconnectIn: (ms) => assert.ok(Number.isSafeInteger(ms) && ms >= 0),
  } as Parameters<typeof createEventParser>[0]);
  try {
    for (const piece of piecesOf(body, sizes)) parser.push(piece);
    return { pings, failed: false };
  } catch (error) {
    assert.ok(error instanceof AnswerInvalidError, String(error));
    return { pings, failed: true };
  }
}

function bodyIn(bytes: Uint8Array, sizes: readonly number[]): string {
  const parser = new AnswerParser();
  let body = '';
  try {
    for (const piece of piecesOf(bytes, sizes)) {
      const slice = Buffer.from(piece);
      for (let from = 0; from < slice.length && !parser.isDone;) {
        const step = parser.next(slice, from);
        assert.ok(step.at > from && step.at <= slice.length, 'each step goes on');
        from = step.at;
        body += step.body?.toString('latin1') ?? '';
      }
    }
    return `${body} ${parser.close()}`;
  } catch (error) {
    assert.ok(error instanceof AnswerInvalidError, String(error));
    return `${body} refused`;
  }
}

export const CLIENT_TARGETS: readonly Target[] = [
  {
    name: 'event streams (SSE)',
    property: fc.property(hostileBytes(events), pieceSizes, (body, sizes) => {
      const whole = frugally(() => heardIn(body, [body.length + 1]));
      assert.deepEqual(heardIn(body, sizes), whole);
    }),
  },
  {
    name: 'HTTP answers',
    property: fc.property(hostileBytes(answers), pieceSizes, (bytes, sizes) => {
      assert.equal(
        bodyIn(bytes, sizes),
        frugally(() => bodyIn(bytes, [bytes.length + 1])),
      );
    }),
  },
  {
    name: 'lines of the control socket',
    property: fc.property(
      hostileBytes(fc.constant(encoded('{"version":1,"method":"status"}\n'))),
      pieceSizes,
      (bytes, sizes) => {
        const lines: string[] = [];
        const read = createLineReader((line) => void lines.push(line));
        for (const piece of piecesOf(bytes, sizes)) read(Buffer.from(piece));
        assert.deepEqual(
          lines,
          Buffer.from(bytes)
            .toString('latin1')
            .split('\n')
            .slice(0, -1)
            .map((line) => Buffer.from(line, 'latin1').toString('utf8')),
        );
      },
    ),
  },
];
