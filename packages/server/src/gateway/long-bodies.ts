import type { preParsingAsyncHookHandler } from 'fastify';
import type { Caller } from '../ports/chunk-ledger.ts';

/** Room in memory, held until it is disposed. @throws CodedError('unavailable') when there is none */
export type TakeRoom = (caller: Caller, bytes: number) => Promise<Disposable>;

/** Shorter ones are many and soon over. */
const COUNTED_FROM_BYTES = 1024 * 1024;
/** What a byte of JSON comes to, with what it is parsed into. */
const PARSED_BYTES = 4;

/**
 * S11: JSON is read and parsed as a whole, so that long bodies take their part of the memory for bodies before they are
 * read. Of those that come compressed, or without a length, it is not known how long they are.
 */
export function holdRoom(takeRoom: TakeRoom, maxBytes: number): preParsingAsyncHookHandler {
  return async ({ headers, caller }, { raw }, payload) => {
    const isTold = headers['content-encoding'] === undefined;
    const bytes = Math.min(isTold ? Number(headers['content-length'] ?? maxBytes) : maxBytes, maxBytes);
    if (bytes <= COUNTED_FROM_BYTES) return payload;
    const room = await takeRoom(caller, PARSED_BYTES * bytes);
    if (raw.destroyed) room[Symbol.dispose]();
    else raw.once('close', () => room[Symbol.dispose]());
    return payload;
  };
}
