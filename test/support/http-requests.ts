/** Finds the requests in the bytes that a client sends over one HTTP/1.1 connection, without touching them. */

export type RequestHead = { readonly method: string; readonly path: string };

export type RequestScanner = {
  /** Takes the next bytes; calls back for each request that begins or ends in them, in order. */
  readonly push: (bytes: Uint8Array) => void;
};

export type RequestEvents = {
  readonly begin: (head: RequestHead) => void;
  readonly end: () => void;
};

type State = 'head' | 'body' | 'chunk-size' | 'chunk' | 'trailer' | 'opaque';

const longestHeadBytes = 1 << 20;

/** A scanner in the sense of RFC 9112, sections 2–7; after an Upgrade everything is opaque. */
export function scanRequests(events: RequestEvents): RequestScanner {
  let state: State = 'head';
  let line = '';
  let left = 0;

  const beginRequest = (head: string): void => {
    const [first = '', ...fields] = head.split('\r\n');
    const [method = '', path = ''] = first.split(' ');
    const field = (name: string): string | undefined =>
      fields
        .find((text) => text.toLowerCase().startsWith(`${name}:`))
        ?.slice(name.length + 1)
        .trim()
        .toLowerCase();
    events.begin({ method, path });
    left = Number(field('content-length') ?? 0);
    if (field('upgrade') !== undefined) state = 'opaque';
    else if (field('transfer-encoding')?.includes('chunked') === true) state = 'chunk-size';
    else if (left > 0) state = 'body';
    else endRequest();
  };
  const endRequest = (): void => {
    state = 'head';
    events.end();
  };
  /** Collects text up to `mark`; undefined while it is not complete. */
  const upTo = (
    mark: string,
    bytes: Uint8Array,
    at: number,
  ): { readonly text: string; readonly next: number } | undefined => {
    const before = line.length;
    line += Buffer.from(bytes.buffer, bytes.byteOffset + at, bytes.length - at).toString('latin1');
    const found = line.indexOf(mark, Math.max(0, before - mark.length));
    if (found < 0) {
      if (line.length > longestHeadBytes) throw new Error('a request head of over 1 MiB');
      return undefined;
    }
    const text = line.slice(0, found);
    line = '';
    return { text, next: at + found + mark.length - before };
  };

  /** Consumes bytes from `at` in the present state; where to go on. */
  const step = (bytes: Uint8Array, at: number): number => {
    if (state === 'opaque') return bytes.length;
    if (state === 'body' || state === 'chunk') {
      const taken = Math.min(left, bytes.length - at);
      left -= taken;
      if (left === 0 && state === 'body') endRequest();
      else if (left === 0) state = 'chunk-size';
      return at + taken;
    }
    const read = upTo(state === 'head' ? '\r\n\r\n' : '\r\n', bytes, at);
    if (read === undefined) return bytes.length;
    if (state === 'head') beginRequest(read.text.replace(/^(\r\n)+/, ''));
    else if (state === 'chunk-size') {
      const size = Number.parseInt(read.text, 16);
      state = size === 0 ? 'trailer' : 'chunk';
      left = size + 2; // the line end after the data
    } else if (read.text === '') endRequest();
    return read.next;
  };

  return {
    push: (bytes) => {
      for (let at = 0; at < bytes.length;) at = step(bytes, at);
    },
  };
}
