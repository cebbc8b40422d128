import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance } from 'fastify';
import { CodedError } from '@satchel/protocol/errors.ts';
import type { Caller } from '../ports/chunk-ledger.ts';
import { API } from '@satchel/protocol/version.ts';

/** Of these the account calls, which cost a password hash or a search for a token. Per address and minute. */
const ACCOUNT_CALLS = 300;

/**
 * Per device, or else per address. Generous: a device that syncs may ask as fast as it can; the limit is for the one
 * that has gone mad.
 */
export async function limitRates(app: FastifyInstance, requestsPerMinute: number): Promise<void> {
  const silent = { 'x-ratelimit-limit': false, 'x-ratelimit-remaining': false, 'x-ratelimit-reset': false };
  await app.register(rateLimit, {
    global: true,
    hook: 'onRequest',
    timeWindow: 60_000,
    cache: 20_000,
    max: (request) => (isAccountCall(request.url) ? Math.min(ACCOUNT_CALLS, requestsPerMinute) : requestsPerMinute),
    keyGenerator: (request) => {
      if (isAccountCall(request.url)) return `account ${request.ip}`;
      // The plugin's hook stands behind sign-in on each route; who need not sign in is counted by address.
      return (request.caller as Caller | undefined)?.deviceId ?? request.ip;
    },
    addHeaders: { ...silent, 'retry-after': false },
    addHeadersOnExceeding: silent,
    errorResponseBuilder: (_request, { ttl }) =>
      new CodedError('rate_limited', 'Too many requests; slow down.', { retryAfterS: Math.max(1, ttl / 1000) }),
  });
}

function isAccountCall(url: string): boolean {
  return url.startsWith(`${API}/account/`) || url.startsWith(`${API}/oauth/`);
}
