import { randomBytes } from 'node:crypto';
import type { Server } from 'node:http';
import websocket from '@fastify/websocket';
import fastify, { LogController, type FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { CodedError } from '@satchel/protocol/errors.ts';
import { ROUTES } from '@satchel/protocol/routes.ts';
import { API, PROTOCOL_HEADER, PROTOCOL_VERSION } from '@satchel/protocol/version.ts';
import { accountRoutes } from './account-routes.ts';
import { createAuthenticate } from './authenticate.ts';
import { createCalls } from './calls.ts';
import { chunkRoutes } from './chunk-routes.ts';
import { contentRoute } from './content-route.ts';
import { documentationRoutes } from './documentation-routes.ts';
import { fileRoutes } from './file-routes.ts';
import { guardLoad } from './load-guard.ts';
import { operationRoutes, type Readiness } from './operation-routes.ts';
import { answerBrokenRequest, sendProblem } from './problems.ts';
import { limitRates } from './rate-limits.ts';
import { readBodies } from './request-bodies.ts';
import type { Services } from './services.ts';
import { setupRoutes } from './setup-routes.ts';
import { shareRoutes } from './share-routes.ts';
import { syncRoutes } from './sync-routes.ts';

export interface GatewayOptions {
  readonly log: Logger;
  readonly tls?: { readonly cert: Buffer; readonly key: Buffer };
  /** Believe X-Forwarded-For and X-Forwarded-Proto. */
  readonly behindProxy: boolean;
  /** Requests a device, and the unknown at an address, may make in a minute. */
  readonly requestsPerMinute: number;
  readonly metricsToken: string | undefined;
  readonly readiness: Readiness;
}

/** No byte for this long ends a connection; a slow one that moves lives for ever (H101). Longer than a long poll. */
const SILENCE_MS = 120_000;

const HEADER_LIMITS = { headersTimeout: 20_000, maxHeaderSize: 32 * 1024 } as const;

/** The HTTP side of all services: one Fastify instance, ready to listen. */
export async function createGateway(services: Services, options: GatewayOptions): Promise<FastifyInstance> {
  const app = fastify({
    loggerInstance: options.log,
    logController: new LogController({ disableRequestLogging: true }),
    exposeHeadRoutes: false,
    // One hop: what stands further left in X-Forwarded-For anybody may have written.
    trustProxy: options.behindProxy ? (_address, hop) => hop === 0 : false,
    genReqId: requestIds(),
    // A logger for each request would be made for nothing: the few lines that are written name the request themselves.
    childLoggerFactory: (log) => log,
    requestTimeout: 0,
    connectionTimeout: SILENCE_MS,
    keepAliveTimeout: 75_000,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    routerOptions: { maxParamLength: 256 },
    clientErrorHandler: answerBrokenRequest,
    frameworkErrors: (error, request, reply) => void sendProblem(error, request, reply),
    ...(options.tls ? { https: { ...options.tls, ...HEADER_LIMITS } as unknown as null } : { http: HEADER_LIMITS }),
  }) as unknown as FastifyInstance<Server>;

  app.decorateRequest('caller');
  app.setErrorHandler((error, request, reply) => sendProblem(error, request, reply));
  app.setNotFoundHandler((request, reply) => sendProblem(notFound(request.method, request.url), request, reply));
  readBodies(app);
  app.addHook('onRequest', (request, reply, done) => {
    void reply.header('x-content-type-options', 'nosniff');
    if (options.tls) void reply.header('strict-transport-security', 'max-age=31536000');
    done(versionFault(request.headers[PROTOCOL_HEADER]));
  });
  guardLoad(app);
  await limitRates(app, options.requestsPerMinute);
  await app.register(websocket, { options: { maxPayload: 4096 } });

  const authenticate = createAuthenticate((token) => services.accounts.callerOf(token));
  const calls = createCalls(app, authenticate, (caller, bytes) => services.blocks.takeRoom(caller, bytes));
  accountRoutes(calls, services);
  fileRoutes(calls, services);
  contentRoute(calls, services);
  chunkRoutes(calls, services);
  shareRoutes(calls, services);
  syncRoutes(app, calls, { services, authenticate });
  operationRoutes(app, options);
  documentationRoutes(app);
  setupRoutes(app);
  return app;
}

/** Short, unlike those of other processes and runs, and cheap. */
function requestIds(): () => string {
  const run = randomBytes(5).toString('hex');
  let count = 0;
  return () => `${run}-${(count += 1).toString(36)}`;
}

function versionFault(header: string | string[] | undefined): CodedError | undefined {
  if (header === undefined) return undefined;
  const version = Number(header);
  if (Math.abs(version - PROTOCOL_VERSION) <= 1) return undefined;
  const older = version < PROTOCOL_VERSION ? 'client' : 'server';
  return new CodedError(
    'version_unsupported',
    `The client speaks protocol ${String(header)}, this server ${PROTOCOL_VERSION}: update the ${older}.`,
    { details: { client: String(header), server: PROTOCOL_VERSION } },
  );
}

const PATHS = Object.values(ROUTES).map((route) => ({
  method: route.method,
  form: new RegExp(`^${API}${route.path.replaceAll(/:\w+/g, '[^/]+').replace('*', '.+')}$`),
}));

function notFound(method: string, url: string): CodedError {
  const path = url.split('?')[0] ?? url;
  const methods = PATHS.filter((known) => known.form.test(path)).map((known) => known.method);
  if (methods.length === 0) return new CodedError('not_found', `There is nothing at ${path.slice(0, 200)}.`);
  return new CodedError('method_not_allowed', `${method} is not understood here; ${methods.join(', ')} is.`);
}
