import type { FastifyReply, FastifyRequest } from 'fastify';
import { CodedError } from '@satchel/protocol/errors.ts';
import type { Caller } from '../ports/chunk-ledger.ts';

/** Fastify's hook that finds out who asks: calls `done`, or returns a promise where it has to wait. */
export type Authenticate = (
  request: FastifyRequest,
  reply: FastifyReply,
  done: (error?: Error) => void,
) => Promise<void> | undefined;

/** Who an access token belongs to. Throws 'sign_in_required', 'token_expired' or 'device_revoked'. */
export type CallerOfToken = (token: string) => Caller | Promise<Caller>;

const BEARER = /^Bearer ([\w.~+/=-]{1,2048})$/i;

/** The bearer token of a request, from its header or, for browsers' WebSockets, from the offered sub-protocols. */
export function bearerOf(request: FastifyRequest): string | undefined {
  const header = request.headers.authorization;
  if (header !== undefined) return BEARER.exec(header)?.[1];
  const offered = request.headers['sec-websocket-protocol'];
  return offered === undefined ? undefined : /(?:^|,\s*)bearer\.([\w.-]{1,2048})/.exec(offered)?.[1];
}

export function createAuthenticate(callerOf: CallerOfToken): Authenticate {
  return (request, _reply, done) => {
    const token = bearerOf(request);
    if (token === undefined) {
      done(new CodedError('sign_in_required', 'Send an access token: Authorization: Bearer ….'));
      return undefined;
    }
    try {
      const caller = callerOf(token);
      if (caller instanceof Promise) return remember(request, caller);
      request.caller = caller;
      done();
    } catch (error) {
      done(error as Error);
    }
    return undefined;
  };
}

async function remember(request: FastifyRequest, caller: Promise<Caller>): Promise<void> {
  request.caller = await caller;
}
