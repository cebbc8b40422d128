import { connect, type Socket } from 'node:net';
import { CommandError } from '../cli/command-error.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { exitOfCode } from '../cli/failure.ts';
import { controlSocketOf } from './socket-path.ts';
import {
  CONTROL_VERSION,
  createLineReader,
  type ControlCall,
  type ControlCalls,
  type ControlReply,
  type ControlStream,
  type ControlStreams,
} from './wire.ts';

/** The daemon answers from its memory; one that does not for this long hangs. */
const ANSWER_WITHIN_MS = 30_000;

export interface DaemonRequest<P> {
  readonly home: string;
  readonly params: P;
  readonly signal: AbortSignal;
}

/** Asks the daemon of a home. Throws CommandError, of code `daemon_not_running` when none runs. */
export async function callDaemon<C extends ControlCall>(
  method: C,
  request: DaemonRequest<ControlCalls[C]['params']>,
): Promise<ControlCalls[C]['answer']> {
  const takesLong = method === 'wait' || method === 'doctor';
  const limit = takesLong ? undefined : AbortSignal.timeout(ANSWER_WITHIN_MS);
  const signal = limit === undefined ? request.signal : AbortSignal.any([request.signal, limit]);
  try {
    let result: { readonly value: unknown } | undefined;
    await converse({ ...request, signal }, method, (reply) => {
      if ('answer' in reply) result = { value: reply.answer };
      return 'answer' in reply ? 'enough' : 'more';
    });
    if (result === undefined) throw gone();
    return result.value as ControlCalls[C]['answer'];
  } catch (error) {
    if (limit?.aborted && !request.signal.aborted)
      throw new CommandError('daemon_silent', EXIT.tryAgain, 'The daemon does not answer.', {
        next: 'satchel restart',
      });
    throw error;
  }
}

/** The same; undefined when no daemon runs. */
export async function callDaemonIfRunning<C extends ControlCall>(
  method: C,
  request: DaemonRequest<ControlCalls[C]['params']>,
): Promise<ControlCalls[C]['answer'] | undefined> {
  try {
    return await callDaemon(method, request);
  } catch (error) {
    if (error instanceof CommandError && error.code === 'daemon_not_running') return undefined;
    throw error;
  }
}

/** Gets events until the daemon ends, which throws, or the signal aborts. */
export async function followDaemon<S extends ControlStream>(
  method: S,
  request: DaemonRequest<ControlStreams[S]['params']>,
  take: (event: ControlStreams[S]['event']) => void,
): Promise<never> {
  await converse(request, method, (reply) => {
    if ('event' in reply) take(reply.event as ControlStreams[S]['event']);
    return 'more';
  });
  throw gone();
}

function gone(): CommandError {
  return new CommandError('daemon_not_running', EXIT.daemonNotRunning, 'The daemon has ended.', {
    next: 'satchel start',
  });
}

/** One request and its replies until one is enough or the daemon closes. */
async function converse(
  { home, params, signal }: DaemonRequest<object>,
  method: string,
  take: (reply: ControlReply) => 'more' | 'enough',
): Promise<void> {
  signal.throwIfAborted();
  const socket = await open(home);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const abort = (): void => reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  const read = createLineReader((line) => {
    const reply = JSON.parse(line) as ControlReply;
    if ('error' in reply) void refusalOf(reply.error).then(reject);
    else if (take(reply) === 'enough') resolve();
  });
  socket.on('data', (bytes) => {
    try {
      read(bytes as Buffer);
    } catch (error) {
      reject(error);
    }
  });
  let refusing = false;
  socket.on('error', reject);
  socket.on('close', () => {
    if (!refusing) setImmediate(resolve);
  });
  async function refusalOf({ code, message }: { code: string; message: string }): Promise<CommandError> {
    refusing = true;
    return new CommandError(code, await exitOfCode(code), message);
  }
  socket.write(`${JSON.stringify({ version: CONTROL_VERSION, method, params })}\n`);
  try {
    await promise;
  } finally {
    signal.removeEventListener('abort', abort);
    socket.destroy();
  }
}

function open(home: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(controlSocketOf(home));
    const failed = (error: NodeJS.ErrnoException): void => {
      const none = error.code === 'ENOENT' || error.code === 'ECONNREFUSED' || error.code === 'ENOTSOCK';
      if (!none) reject(error);
      else
        reject(
          new CommandError('daemon_not_running', EXIT.daemonNotRunning, 'Satchel is not running on this device.', {
            next: 'satchel start',
          }),
        );
    };
    socket.once('error', failed);
    socket.once('connect', () => {
      socket.off('error', failed);
      resolve(socket);
    });
  });
}
