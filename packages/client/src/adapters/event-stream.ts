import { Ping } from '@satchel/protocol/notify.ts';
import { AnswerInvalidError, type EventListener } from '../ports/server-api.ts';

/** A line of an event stream is never longer, or it is none of ours. */
const LINE_BYTES = 64 * 1024;

const RETRY = /^retry: ?(\d{1,6})$/;

/** Server-sent events (WHATWG HTML, section 9.2), of which pings use `data` lines and comments as heartbeats. */
export function createEventParser(listener: EventListener): { push(bytes: Uint8Array): void } {
  const decoder = new TextDecoder();
  let rest = '';
  let data: string[] = [];

  function dispatch(): void {
    if (data.length === 0) return;
    const text = data.join('\n');
    data = [];
    const ping = Ping.safeParse(jsonOf(text));
    if (!ping.success) throw new AnswerInvalidError('The event stream brought something that is no ping.', ping.error);
    listener.ping(ping.data);
  }

  return {
    push(bytes) {
      listener.heard();
      const lines = (rest + decoder.decode(bytes, { stream: true })).split(/\r\n|\n|\r/);
      rest = lines.pop() ?? '';
      if (rest.length > LINE_BYTES) throw new AnswerInvalidError('The event stream has an endless line.');
      for (const line of lines) {
        if (line === '') dispatch();
        else if (line.startsWith('data:')) data.push(line.slice(line[5] === ' ' ? 6 : 5));
        else if (RETRY.test(line)) listener.reconnectIn(Number(RETRY.exec(line)?.[1]));
      }
    },
  };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
