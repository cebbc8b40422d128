import { Buffer } from 'node:buffer';
import { timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { CodedError } from '@satchel/protocol/errors.ts';
import { bearerOf } from './authenticate.ts';

/** What a load balancer asks: whether this process should get requests. */
export interface Readiness {
  /** Undefined: ready. Else the reason why not. */
  fault(): Promise<string | undefined>;
  /** What the last examination of the server's data found, and when (wall time). Undefined: none since the start. */
  examined(): { readonly found: number; readonly atMs: number } | undefined;
}

export interface OperationOptions {
  readonly readiness: Readiness;
  /** Needed for `/metrics` from other machines. */
  readonly metricsToken: string | undefined;
}

/** `/healthz`: the process lives. `/readyz`: it can serve. `/metrics`: what it does, for Prometheus. */
export function operationRoutes(app: FastifyInstance, { readiness, metricsToken }: OperationOptions): void {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 500 });
  const durations = new Histogram({
    name: 'satchel_http_request_duration_seconds',
    help: 'Time from the header of a request to the end of its answer, by call and status.',
    labelNames: ['call', 'status'],
    buckets: [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10],
    registers: [registry],
  });
  examinationGauges(registry, readiness);
  app.addHook('onResponse', (request, reply, done) => {
    const { call } = request.routeOptions.config;
    if (call !== undefined) durations.observe({ call, status: reply.statusCode }, reply.elapsedTime / 1000);
    done();
  });
  const open = { config: { rateLimit: false } } as const;
  app.get('/healthz', open, (_request, reply) => reply.header('cache-control', 'no-store').send({ status: 'ok' }));
  app.get('/readyz', open, async (_request, reply) => {
    const fault = await readiness.fault();
    if (fault !== undefined) throw new CodedError('unavailable', fault);
    return reply.header('cache-control', 'no-store').send({ status: 'ready' });
  });
  app.get('/metrics', open, async (request, reply) => {
    if (!mayRead(request, metricsToken)) throw new CodedError('forbidden', 'Metrics are for this machine or a token.');
    return reply.header('content-type', registry.contentType).send(await registry.metrics());
  });
}

/** The machine itself may, where nothing says that it asks for somebody else; all others need the token. */
function mayRead(request: FastifyRequest, metricsToken: string | undefined): boolean {
  const token = bearerOf(request);
  if (metricsToken !== undefined && token !== undefined) {
    const [given, wanted] = [Buffer.from(token), Buffer.from(metricsToken)];
    return given.length === wanted.length && timingSafeEqual(given, wanted);
  }
  const forwarded = request.headers['x-forwarded-for'] ?? request.headers.forwarded;
  return forwarded === undefined && /^(?:::ffff:)?127\.|^::1$/.test(request.socket.remoteAddress ?? '');
}

/** Absent until there was an examination, so that an alert can tell "never" from "nothing". */
function examinationGauges(registry: Registry, { examined }: Readiness): void {
  const gauges = [
    ['satchel_doctor_findings', 'Inconsistencies of the stored data that the last daily examination found.', 'found'],
    ['satchel_doctor_last_run_timestamp_seconds', 'When the stored data was last examined.', 'at'],
  ] as const;
  for (const [name, help, what] of gauges)
    registry.registerMetric(
      new Gauge({
        name,
        help,
        registers: [],
        collect() {
          const last = examined();
          this.reset();
          if (last !== undefined) this.set(what === 'found' ? last.found : last.atMs / 1000);
          else this.remove();
        },
      }),
    );
}
