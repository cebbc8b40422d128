import underPressure from '@fastify/under-pressure';
import type { FastifyInstance } from 'fastify';
import { CodedError } from '@satchel/protocol/errors.ts';

/** An event loop that lags this much makes each request wait as long at every step. */
const MOST_LAG_MS = 2_000;

/** S11: a server that cannot keep up says so at once instead of letting requests pile up. */
export async function guardLoad(app: FastifyInstance): Promise<void> {
  await app.register(underPressure, {
    maxEventLoopDelay: MOST_LAG_MS,
    pressureHandler: (_request, _reply, type, value) => {
      throw new CodedError('unavailable', `The server is overloaded (${type} ${String(value)}).`, { retryAfterS: 3 });
    },
  });
}
