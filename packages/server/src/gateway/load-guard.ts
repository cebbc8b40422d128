import type { FastifyInstance } from 'fastify';
import { CodedError } from '@satchel/protocol/errors.ts';

export interface LoadLimits {
  /** The event loop is looked at this often. The usual libraries look a hundred times a second, idle or not. */
  readonly lookMs: number;
  /** An event loop that lags this much makes each request wait as long at every step. */
  readonly mostLagMs: number;
}

const LOAD_LIMITS: LoadLimits = { lookMs: 500, mostLagMs: 2_000 };

/** S11: a server that cannot keep up says so at once instead of letting requests pile up. */
export function guardLoad(app: FastifyInstance, { lookMs, mostLagMs }: LoadLimits = LOAD_LIMITS): void {
  let lookedAt = performance.now();
  let lagMs = 0;
  const timer = setInterval(() => {
    const now = performance.now();
    lagMs = now - lookedAt - lookMs;
    lookedAt = now;
  }, lookMs).unref();
  app.addHook('onClose', async () => clearInterval(timer));
  app.addHook('onRequest', (_request, _reply, done) => {
    if (lagMs < mostLagMs) done();
    else
      done(
        new CodedError('unavailable', `The server is overloaded: ${Math.round(lagMs)} ms behind.`, { retryAfterS: 3 }),
      );
  });
}
