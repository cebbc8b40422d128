import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { CodedError } from '@satchel/protocol/errors.ts';
import { ROUTES, type Route, type RouteName } from '@satchel/protocol/routes.ts';
import { API } from '@satchel/protocol/version.ts';
import type { ReadBody } from '../block/gather.ts';
import type { Caller } from '../ports/chunk-ledger.ts';
import type { Authenticate } from './authenticate.ts';
import { sendJson } from './json-answer.ts';
import { holdRoom, type TakeRoom } from './long-bodies.ts';
import { byteBody } from './request-bodies.ts';

type Parsed<S> = S extends z.ZodType ? z.output<S> : undefined;
type Part<R, K extends string> = R extends Readonly<Record<K, infer S>> ? S : undefined;
type BodyOf<R> = Part<R, 'body'> extends 'bytes' ? ReadBody : Parsed<Part<R, 'body'>>;
type DeepReadonly<T> = T extends readonly (infer E)[]
  ? readonly DeepReadonly<E>[]
  : T extends object
    ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
    : T;
/** JSON answers are returned; a stream of bytes or events is sent by the handler itself. */
type AnswerOf<R> = Part<R, 'answer'> extends z.ZodType ? DeepReadonly<z.input<Part<R, 'answer'>>> : void;
type CallerOf<R> = Part<R, 'auth'> extends 'token' ? Caller : undefined;

export interface Call<R> {
  readonly params: Parsed<Part<R, 'params'>>;
  readonly query: Parsed<Part<R, 'query'>>;
  readonly body: BodyOf<R>;
  readonly caller: CallerOf<R>;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

export type Handler<N extends RouteName> = (
  call: Call<(typeof ROUTES)[N]>,
) => Promise<AnswerOf<(typeof ROUTES)[N]>> | AnswerOf<(typeof ROUTES)[N]>;

const DEFAULT_BODY_BYTES = 1024 * 1024;

/** Puts the calls of the protocol's table on a Fastify instance: sign-in, validation, answer. */
export interface Calls {
  on<N extends RouteName>(name: N, handler: Handler<N>): void;
}

export function createCalls(app: FastifyInstance, authenticate: Authenticate, takeRoom: TakeRoom): Calls {
  return {
    on: (name, handler) => {
      const route: Route = ROUTES[name];
      const maxBytes = route.bodyBytes ?? DEFAULT_BODY_BYTES;
      const isJson = route.body !== undefined && route.body !== 'bytes';
      app.route({
        method: route.method,
        url: API + route.path,
        bodyLimit: maxBytes,
        config: { call: name },
        handler: async (request, reply) => {
          const call = {
            caller: route.auth === 'token' ? request.caller : undefined,
            params: route.params && valid(route.params, request.params, 'address'),
            query: route.query && valid(route.query, request.query, 'query'),
            body: bodyOf(route, request, maxBytes),
            request,
            reply,
          };
          const answer: unknown = await (handler as unknown as (call: unknown) => unknown)(call);
          if (route.answer === undefined) return reply.code(204).header('cache-control', 'no-store').send();
          if (route.answer === 'bytes' || route.answer === 'events') return reply;
          return sendJson(request, reply, JSON.stringify(answer));
        },
        ...(route.auth === 'token' ? { onRequest: authenticate } : {}),
        ...(isJson && maxBytes > DEFAULT_BODY_BYTES ? { preParsing: holdRoom(takeRoom, maxBytes) } : {}),
      });
    },
  };
}

function bodyOf(route: Route, request: FastifyRequest, maxBytes: number): unknown {
  if (route.body === undefined) return undefined;
  if (route.body === 'bytes') return byteBody(request, maxBytes);
  return valid(route.body, request.body, 'body');
}

/** @throws CodedError('request_invalid' | 'name_invalid') with the first problems in `details.issues` */
function valid(schema: z.ZodType, value: unknown, part: string): unknown {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues
    .slice(0, 10)
    .map((issue) => ({ at: issue.path.join('.'), problem: issue.message }));
  const named = parsed.error.issues.find(
    (issue) => issue.code === 'custom' && issue.params?.['code'] === 'name_invalid',
  );
  const first = issues[0];
  throw new CodedError(
    named ? 'name_invalid' : 'request_invalid',
    `The ${part} is not as it should be: ${first?.at ? `${first.at}: ` : ''}${first?.problem ?? 'unknown'}.`,
    { details: { issues } },
  );
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by `authenticate` on calls that need a token. */
    caller: Caller;
  }
  interface FastifyContextConfig {
    readonly call?: RouteName;
  }
}
