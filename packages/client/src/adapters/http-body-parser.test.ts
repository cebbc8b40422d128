import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { AnswerInvalidError } from '../ports/server-api.ts';
import { AnswerParser } from './http-body-parser.ts';

function parsed(text: string, cuts: readonly number[] = []) {
  const parser = new AnswerParser();
  const bytes = Buffer.from(text, 'latin1');
  const at = [0, ...cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b), bytes.length];
  let body = '';
  let left = 0;
  for (const [index, end] of at.slice(1).entries()) {
    const piece = bytes.subarray(at[index], end);
    for (let from = 0; from < piece.length;) {
      if (parser.isDone) {
        left += piece.length - from;
        break;
      }
      const step = parser.next(piece, from);
      from = step.at;
      body += step.body?.toString('latin1') ?? '';
    }
  }
  return { parser, body, left };
}

const OK = 'HTTP/1.1 200 OK\r\n';
const cuts = fc.array(fc.nat(400), { maxLength: 30 });

test('an answer of known length is read however it is cut, and no byte beyond it', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary-ascii', maxLength: 300 }), cuts, (content, at) => {
      const text = `${OK}Content-Length: ${content.length}\r\nX-A: b\r\nx-a: c\r\n\r\n${content}NEXT`;
      const { parser, body, left } = parsed(text, at);
      assert.equal(body, content);
      assert.equal(left, 4);
      assert.deepEqual(
        [parser.head?.status, parser.head?.headers['x-a'], parser.head?.keepsAlive],
        [200, 'b, c', true],
      );
    }),
  );
});

test('a chunked answer is read however it is cut', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 80 })), cuts, (parts, at) => {
      const chunks = parts.map((part) => `${part.length.toString(16)};x=y\r\n${part}\r\n`).join('');
      const text = `${OK}Transfer-Encoding: chunked\r\n\r\n${chunks}0\r\nTrailer: x\r\n\r\n`;
      const { parser, body } = parsed(text, at);
      assert.equal(body, parts.join(''));
      assert.ok(parser.isDone);
    }),
  );
});

test('an answer without a length ends with its connection, which is not used again', () => {
  const { parser, body } = parsed(`${OK}\r\nall of it`);
  assert.equal(body, 'all of it');
  assert.equal(parser.isDone, false);
  assert.equal(parser.close(), true);
  assert.equal(parser.head?.keepsAlive, false);
});

test('a cut answer of known length or in chunks is not complete', () => {
  assert.equal(parsed(`${OK}content-length: 10\r\n\r\nshort`).parser.close(), false);
  assert.equal(parsed(`${OK}transfer-encoding: chunked\r\n\r\n5\r\nshort\r\n`).parser.close(), false);
  assert.equal(parsed(OK).parser.close(), false);
});

test('interim answers are skipped', () => {
  const { parser } = parsed(`HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n${OK}content-length: 0\r\n\r\n`);
  assert.deepEqual([parser.head?.status, parser.isDone], [200, true]);
});

for (const text of [
  'SSH-2.0-OpenSSH\r\n\r\n',
  `${OK}no colon\r\n\r\n`,
  `${OK}content-length: -1\r\n\r\n`,
  `${OK}content-length: 1\r\ncontent-length: 2\r\n\r\n`,
  `${OK}transfer-encoding: chunked\r\n\r\nxyz\r\n`,
  `${OK}transfer-encoding: chunked\r\n\r\n1\r\nab\r\n`,
  `${OK}x: ${'y'.repeat(100_000)}`,
  'x'.repeat(100_000),
])
  test(`what is no HTTP is refused: ${JSON.stringify(text.slice(0, 60))}`, () => {
    assert.throws(() => parsed(text), AnswerInvalidError);
  });
