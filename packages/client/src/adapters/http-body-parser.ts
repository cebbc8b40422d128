import type { Buffer } from 'node:buffer';
import { AnswerInvalidError } from '../ports/server-api.ts';

/** The head of an HTTP/1.1 answer; header names in lower case. */
export interface AnswerHead {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly keepsAlive: boolean;
}

const HEAD_BYTES = 64 * 1024;
const SIZE_LINE = /^([0-9a-f]{1,8})(?:[ \t]*;.*)?$/i;
const SIZE_LINE_BYTES = 256;

type State = 'head' | 'length' | 'size' | 'chunk' | 'chunk-end' | 'trailer' | 'until-close' | 'done';

/**
 * Reads one answer of HTTP/1.1 (RFC 9112) from the pieces in which it arrives, for answers too long to take the way
 * over `IncomingMessage`. Throws AnswerInvalidError for what is none.
 */
export class AnswerParser {
  head: AnswerHead | undefined;
  #state: State = 'head';
  #text = '';
  #left = 0;

  get isDone(): boolean {
    return this.#state === 'done';
  }

  /**
   * Takes the next part of `bytes` from `at`; returns the position after it and, where there was any, a run of the body.
   */
  next(bytes: Buffer, at: number): { readonly at: number; readonly body?: Buffer } {
    switch (this.#state) {
      case 'head':
        return { at: this.#line(bytes, at, '\r\n\r\n', HEAD_BYTES, (text) => this.#begin(text)) };
      case 'size':
        return { at: this.#line(bytes, at, '\r\n', SIZE_LINE_BYTES, (text) => this.#beginChunk(text)) };
      case 'chunk-end':
        return { at: this.#line(bytes, at, '\r\n', 2, (text) => this.#endChunk(text)) };
      case 'trailer':
        return { at: this.#line(bytes, at, '\r\n', HEAD_BYTES, (text) => text === '' && (this.#state = 'done')) };
      case 'until-close':
        return { at: bytes.length, body: bytes.subarray(at) };
      case 'length':
      case 'chunk': {
        const body = bytes.subarray(at, at + this.#left);
        this.#left -= body.length;
        if (this.#left === 0) this.#state = this.#state === 'length' ? 'done' : 'chunk-end';
        return { at: at + body.length, body };
      }
      case 'done':
        return { at };
    }
  }

  /** The connection has been closed by the other side: whether the answer was complete. */
  close(): boolean {
    if (this.#state === 'until-close') this.#state = 'done';
    return this.#state === 'done';
  }

  /** Gathers text up to and without `end`, then tells it. */
  // eslint-disable-next-line max-params -- private, and a record per line would cost more than it tells
  #line(bytes: Buffer, at: number, end: string, maxBytes: number, tell: (text: string) => void): number {
    const before = this.#text.length;
    const room = bytes.subarray(at, at + maxBytes + end.length - before);
    const text = this.#text + room.toString('latin1');
    const found = text.indexOf(end, Math.max(0, before - end.length));
    if (found < 0) {
      if (text.length > maxBytes) throw new AnswerInvalidError('The answer is no HTTP: a line has no end.');
      this.#text = text;
      return at + room.length;
    }
    this.#text = '';
    tell(text.slice(0, found));
    return at + found + end.length - before;
  }

  #begin(text: string): void {
    const [first = '', ...lines] = text.split('\r\n');
    const match = /^HTTP\/1\.([01]) (\d{3})(?: .*)?$/.exec(first);
    if (match === null) throw new AnswerInvalidError('The answer is no HTTP.');
    const status = Number(match[2]);
    if (status >= 100 && status < 200) return;
    const headers = headersOf(lines);
    const closes = match[1] === '0' || /\bclose\b/i.test(headers['connection'] ?? '');
    const isChunked = /\bchunked\s*$/i.test(headers['transfer-encoding'] ?? '');
    const length = headers['content-length'];
    if (isChunked) this.#state = 'size';
    else if (status === 204 || status === 304 || length === '0') this.#state = 'done';
    else if (length === undefined) this.#state = 'until-close';
    else {
      if (!/^\d{1,15}$/.test(length)) throw new AnswerInvalidError('The answer has no valid length.');
      this.#left = Number(length);
      this.#state = 'length';
    }
    this.head = { status, headers, keepsAlive: !closes && this.#state !== 'until-close' };
  }

  #endChunk(text: string): void {
    if (text !== '') throw new AnswerInvalidError('The answer is chunked in a way that is no HTTP.');
    this.#state = 'size';
  }

  #beginChunk(text: string): void {
    const size = SIZE_LINE.exec(text)?.[1];
    if (size === undefined) throw new AnswerInvalidError('The answer is chunked in a way that is no HTTP.');
    this.#left = Number.parseInt(size, 16);
    this.#state = this.#left === 0 ? 'trailer' : 'chunk';
  }
}

function headersOf(lines: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon < 1) throw new AnswerInvalidError('The answer is no HTTP: a header has no name.');
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    const before = headers[name];
    if (name === 'content-length' && before !== undefined && before !== value)
      throw new AnswerInvalidError('The answer has two lengths.');
    headers[name] = before === undefined || name === 'content-length' ? value : `${before}, ${value}`;
  }
  return headers;
}
