import { chmodSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import type { DaemonControl } from './daemon-control.ts';
import {
  CONTROL_VERSION,
  createLineReader,
  type ControlCall,
  type ControlCalls,
  type ControlReply,
  type ControlRequest,
  type ControlStream,
  type ControlStreams,
} from './wire.ts';

export interface ControlServerOptions {
  readonly socket: string;
  readonly control: DaemonControl;
  /** Asked to end: begins the end of the daemon. */
  readonly stop: () => void;
  readonly failed: (error: unknown) => void;
}

/** A request has to come within this time after the connection. */
const REQUEST_WITHIN_MS = 10_000;
/** A reader of a stream that is further behind is cut off. */
const MOST_UNREAD_BYTES = 4 * 1024 * 1024;

/**
 * Answers the command line until disposed. The caller holds the lock of the home, so that a socket file that lies about
 * is a dead daemon's.
 */
export async function serveControl(options: ControlServerOptions): Promise<AsyncDisposable> {
  const { socket: path } = options;
  const connections = new Set<Socket>();
  const server = createServer((socket) => {
    connections.add(socket);
    socket.on('close', () => connections.delete(socket));
    hear(socket, options);
  });
  if (process.platform !== 'win32') rmSync(path, { force: true });
  // The socket is made within the call: at no moment can others open it.
  const umask = process.umask(0o177);
  const listening = new Promise<void>((resolve, reject) => server.once('error', reject).listen(path, resolve));
  process.umask(umask);
  await listening;
  if (process.platform !== 'win32') chmodSync(path, 0o600);
  return {
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of connections) socket.end();
      setTimeout(() => connections.forEach((socket) => socket.destroy()), 500).unref();
      await closed;
    },
  };
}

function hear(socket: Socket, options: ControlServerOptions): void {
  const aborting = new AbortController();
  const late = setTimeout(() => socket.destroy(), REQUEST_WITHIN_MS);
  let heard = false;
  const read = createLineReader((line) => {
    if (heard) return;
    heard = true;
    clearTimeout(late);
    void answer({ socket, options, signal: aborting.signal }, line);
  });
  socket.on('data', (bytes) => {
    try {
      read(bytes as Buffer);
    } catch {
      socket.destroy(); // an endless line: nobody of ours
    }
  });
  socket.on('error', () => socket.destroy());
  socket.on('close', () => {
    clearTimeout(late);
    aborting.abort(new Error('The caller has gone.'));
  });
}

interface Conversation {
  readonly socket: Socket;
  readonly options: ControlServerOptions;
  /** Aborted when the caller has gone. */
  readonly signal: AbortSignal;
}

async function answer(conversation: Conversation, line: string): Promise<void> {
  const { socket, options, signal } = conversation;
  try {
    const request = requestOf(line);
    if (request.version !== CONTROL_VERSION && request.method !== 'stop')
      throw fault('version_unsupported', 'Another version of Satchel is running; run "satchel restart".');
    if (isStream(request.method)) {
      follow(conversation, request.method);
      return;
    }
    if (!isCall(request.method)) throw fault('request_invalid', `The daemon does not know "${request.method}".`);
    const handle = CALLS[request.method] as Handler<ControlCall>;
    const value = await handle(options.control, request.params as never, { signal, stop: options.stop });
    socket.end(`${JSON.stringify({ answer: value } satisfies ControlReply)}\n`);
  } catch (error) {
    if (signal.aborted) return;
    const { message } = error as Error;
    const code = codeOf(error);
    if (code === 'internal') options.failed(error);
    const reply: ControlReply = { error: { code, message } };
    socket.end(`${JSON.stringify(reply)}\n`);
  }
}

/** As `cli/failure.ts` names it. */
function codeOf(error: unknown): string {
  const { code, name } = error as Error & { code?: unknown };
  if (typeof code === 'string') return code;
  return name === 'OfflineError' ? 'offline' : 'internal';
}

function requestOf(line: string): ControlRequest {
  const parsed = JSON.parse(line) as Partial<ControlRequest> | null;
  if (typeof parsed !== 'object' || parsed === null || typeof parsed.method !== 'string')
    throw fault('request_invalid', 'The request is malformed.');
  return { version: Number(parsed.version), method: parsed.method, params: parsed.params ?? {} };
}

function fault(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

interface Around {
  readonly signal: AbortSignal;
  readonly stop: () => void;
}
type Handler<C extends ControlCall> = (
  control: DaemonControl,
  params: ControlCalls[C]['params'],
  around: Around,
) => ControlCalls[C]['answer'] | Promise<ControlCalls[C]['answer']>;

const DONE = {};

const CALLS: { readonly [C in ControlCall]: Handler<C> } = {
  status: (control) => control.status(),
  pathStatus: (control, { paths }) => control.pathStatus(texts(paths)),
  wait: (control, _, { signal }) => control.wait(signal),
  pause: (control, { untilMs }) => {
    control.pause(untilMs === undefined ? undefined : Number(untilMs));
    return DONE;
  },
  resume: (control) => {
    control.resume();
    return DONE;
  },
  syncNow: (control) => {
    control.syncNow();
    return DONE;
  },
  acceptHeld: async (control, _, { signal }) => ({ count: await control.acceptHeld(signal) }),
  undoHeld: async (control, _, { signal }) => ({ count: await control.undoHeld(signal) }),
  activity: (control, { limit }) => control.activity(Math.min(Number(limit) || 20, 10_000)),
  conflicts: (control) => control.conflicts(),
  resolveConflict: async (control, { path, keep }) => {
    await control.resolveConflict(text(path), keep);
    return DONE;
  },
  excluded: (control) => control.excluded(),
  exclude: (control, { path }) => {
    control.exclude(text(path));
    return DONE;
  },
  include: (control, { path }) => {
    control.include(text(path));
    return DONE;
  },
  ignoreWhy: (control, { path }) => control.ignoreWhy(text(path)),
  reloadSettings: (control) => {
    control.reloadSettings();
    return DONE;
  },
  doctor: (control, _, { signal }) => control.doctor(signal),
  stop: (_control, _, { stop }) => {
    stop();
    return DONE;
  },
};

function isCall(method: string): method is ControlCall {
  return Object.hasOwn(CALLS, method);
}

function text(value: unknown): string {
  if (typeof value === 'string') return value;
  throw fault('request_invalid', 'The request names no path.');
}

function texts(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.map(text);
  throw fault('request_invalid', 'The request names no paths.');
}

function isStream(method: string): method is ControlStream {
  return method === 'watchActivity' || method === 'watchStatus';
}

function follow({ socket, options, signal }: Conversation, method: ControlStream): void {
  const tell = (event: ControlStreams[ControlStream]['event']): void => {
    if (socket.writableLength > MOST_UNREAD_BYTES) socket.destroy();
    else socket.write(`${JSON.stringify({ event } satisfies ControlReply)}\n`);
  };
  const { control } = options;
  if (method === 'watchStatus') tell(control.status());
  const watching = method === 'watchStatus' ? control.watchStatus(tell) : control.watchActivity(tell);
  signal.addEventListener('abort', () => watching[Symbol.dispose](), { once: true });
}
