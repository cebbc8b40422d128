import { Ping } from '@satchel/protocol/notify.ts';
import { AnswerInvalidError, type EventListener } from '../ports/server-api.ts';

/** A line of an event stream, and the data of one event, is never longer, or it is none of ours. */
const LINE_BYTES = 64 * 1024;

const RETRY = /^retry: ?(\d{1,6})$/;

/** Server-sent events (WHATWG HTML, section 9.2), of which pings use `data` lines and comments as heartbeats. */
export function createEventParser(listener: EventListener): { push(bytes: Uint8Array): void } {
  const decoder = new TextDecoder();
  let rest = '';
  let endedInReturn = false;
  let data: string[] = [];
  let dataLength = 0;

  function gather(text: string): void {
    data.push(text);
    dataLength += text.length + 1;
    if (dataLength > LINE_BYTES) throw new AnswerInvalidError('The event stream has an endless event.');
  }

  function dispatch(): void {
    if (data.length === 0) return;
    const text = data.join('\n');
    data = [];
    dataLength = 0;
    const ping = Ping.safeParse(jsonOf(text));
    if (!ping.success) throw new AnswerInvalidError('The event stream brought something that is no ping.', ping.error);
    listener.ping(ping.data);
  }

  return {
    push(bytes) {
      listener.heard();
      const text = decoder.decode(bytes, { stream: true });
      if (text === '') return;
      // The other half of a line end that was cut in two.
      const fresh = endedInReturn && text.startsWith('\n') ? text.slice(1) : text;
      endedInReturn = text.endsWith('\r');
      const lines = (rest + fresh).split(/\r\n|\n|\r/);
      rest = lines.pop() ?? '';
      if (rest.length > LINE_BYTES) throw new AnswerInvalidError('The event stream has an endless line.');
      for (const line of lines) {
        if (line === '') dispatch();
        else if (line.startsWith('data:')) gather(line.slice(line[5] === ' ' ? 6 : 5));
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
