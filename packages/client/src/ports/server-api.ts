import type { ChunkResults, FetchRequest } from '@satchel/protocol/transfer.ts';
import type { ObjectId, UploadId, VersionId, WorkspaceId } from '@satchel/protocol/ids.ts';
import type { Ping } from '@satchel/protocol/notify.ts';
import type { ROUTES, RouteName } from '@satchel/protocol/routes.ts';
import type { SignedIn } from '@satchel/protocol/accounts.ts';
import type { z } from 'zod';

type Part<R, K extends string> = R extends Readonly<Record<K, infer S>> ? S : undefined;
type Parsed<S> = S extends z.ZodType ? DeepReadonly<z.output<S>> : never;
type DeepReadonly<T> = T extends string | number | boolean | undefined | null
  ? T
  : T extends readonly (infer E)[]
    ? readonly DeepReadonly<E>[]
    : T extends object
      ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
      : T;

/** The calls with JSON (or nothing) both ways. Those with bytes or events have functions of their own. */
export type JsonCall = {
  [N in RouteName]: Part<(typeof ROUTES)[N], 'body'> extends 'bytes'
    ? never
    : Part<(typeof ROUTES)[N], 'answer'> extends 'bytes' | 'events'
      ? never
      : N;
}[RouteName];

/** `params`, `query` and `body`, each where the protocol's table has it. */
export type CallInput<N extends RouteName> = {
  readonly [K in 'params' | 'query' | 'body' as Part<(typeof ROUTES)[N], K> extends z.ZodType ? K : never]: Parsed<
    Part<(typeof ROUTES)[N], K>
  >;
};

export type CallAnswer<N extends RouteName> =
  Part<(typeof ROUTES)[N], 'answer'> extends z.ZodType ? Parsed<Part<(typeof ROUTES)[N], 'answer'>> : undefined;

/** `sign_in_required` and `device_revoked` last until `adopt`: calls fail at once, without traffic (H97). */
export type SessionState = 'signed_in' | 'sign_in_required' | 'device_revoked';

/** Gets the bytes of a body in order; they are valid until it returns or its promise resolves, which holds the sender. */
export type ReceiveBytes = (bytes: Uint8Array) => Promise<void> | undefined;

export interface EventListener {
  /** The stream is open. */
  open(): void;
  ping(ping: Ping): void;
  /** Anything was heard, heartbeats too. */
  heard(): void;
  /** The server will end the stream and asks to be asked again after so long. */
  reconnectIn(ms: number): void;
}

/**
 * The server as this device sees it. Every answer is checked before it is given on.
 *
 * - V1 Throws CodedError for what the server refuses, OfflineError when it could not be asked, AnswerInvalidError when
 *   its answer is not what the protocol says, and the signal's reason when aborted.
 * - V2 A call ends by lack of progress (60 s without a byte in either direction), never by total time.
 * - V3 Every call may be repeated: it reads, or carries ids under which the server knows a repetition.
 * - V4 A new refresh token is durable before any token of that answer is used.
 * - V5 The device's tokens go to the server's own origin only.
 */
export interface ServerApi {
  call<N extends JsonCall>(name: N, input: CallInput<N>, signal: AbortSignal): Promise<CallAnswer<N>>;
  /** `POST /chunks/batch`: frames of `core/frame.ts`, sent as they are. */
  sendFrames(target: BatchTarget, frames: readonly Uint8Array[], signal: AbortSignal): Promise<ChunkResults>;
  /** PUT to a signed address that `uploadRequest` gave. */
  putSigned(target: SignedTarget, bytes: Uint8Array, signal: AbortSignal): Promise<void>;
  /** `POST /chunks/fetch`: the framed answer as it arrives. */
  fetchFrames(request: FetchRequest, receive: ReceiveBytes, signal: AbortSignal): Promise<void>;
  /** `GET /files/:id/content`. */
  fetchContent(request: ContentRequest, receive: ReceiveBytes, signal: AbortSignal): Promise<void>;
  /** `GET /sync/events`; resolves when the server ends the stream. */
  listen(listener: EventListener, signal: AbortSignal): Promise<void>;
  readonly session: Session;
}

export interface Session {
  state(): SessionState;
  /** Called with each change. Dispose to hear no more. */
  watch(listener: (state: SessionState) => void): Disposable;
  /** Signs this device in with what signup or login answered. Durable when resolved. */
  adopt(signedIn: Pick<SignedIn, 'access_token' | 'refresh_token' | 'expires_in'>): Promise<void>;
  /** Another process of this device may have signed in: what it has stored is taken over. */
  reload(): Promise<void>;
  /** Forgets the tokens of this device. */
  forget(): Promise<void>;
}

export interface BatchTarget {
  readonly workspaceId: WorkspaceId;
  readonly uploadId?: UploadId;
}

export interface SignedTarget {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface ContentRequest {
  readonly workspaceId: WorkspaceId;
  readonly objectId: ObjectId;
  readonly versionId?: VersionId;
  /** First byte wanted. */
  readonly from?: number;
}

/** The server could not be asked: no route, refused, cut off, or silent for too long. Passes by itself. */
export class OfflineError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'OfflineError';
  }
}

/** Something answered, but not as the protocol says: a broken proxy, a captive portal, a hostile server. */
export class AnswerInvalidError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'AnswerInvalidError';
  }
}
