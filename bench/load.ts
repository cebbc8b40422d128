/** A load generator that costs little itself: plain sockets, one request at a time on each. */
import { connect, type Socket } from 'node:net';

export type Load = {
  readonly port: number;
  readonly connections: number;
  readonly seconds: number;
  /** The next request of a connection, complete with head and body. */
  readonly next: (connection: number) => Buffer;
  /** Throws when an answer is not what it should be; called with head and body of every answer. */
  readonly check: (head: string, body: Buffer) => void;
};

/** Answers per second over the whole time, all connections together. */
export async function generateLoad(load: Load): Promise<number> {
  const sockets = await Promise.all(Array.from({ length: load.connections }, async () => await open(load.port)));
  const begin = performance.now();
  const end = begin + load.seconds * 1000;
  const counts = await Promise.all(sockets.map(async (socket, i) => await drive(socket, i, load, end)));
  const seconds = (performance.now() - begin) / 1000;
  for (const socket of sockets) socket.destroy();
  return counts.reduce((sum, count) => sum + count, 0) / seconds;
}

async function open(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.setNoDelay(true);
  await new Promise<void>((done, fail) => socket.once('connect', done).once('error', fail));
  return socket;
}

async function drive(socket: Socket, connection: number, load: Load, end: number): Promise<number> {
  let count = 0;
  let pending: Buffer = Buffer.alloc(0);
  return await new Promise<number>((resolve, reject) => {
    const send = (): void => void socket.write(load.next(connection));
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('the server closed a connection')));
    socket.on('data', (bytes: Buffer) => {
      pending = pending.length === 0 ? bytes : Buffer.concat([pending, bytes]);
      const answer = takeAnswer(pending);
      if (answer === undefined) return;
      pending = pending.subarray(answer.lengthBytes);
      try {
        load.check(answer.head, answer.body);
      } catch (error) {
        reject(error as Error);
        return;
      }
      count++;
      if (performance.now() < end) send();
      else {
        socket.removeAllListeners('close');
        resolve(count);
      }
    });
    send();
  });
}

function takeAnswer(
  bytes: Buffer,
): { readonly head: string; readonly body: Buffer; readonly lengthBytes: number } | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const head = bytes.toString('latin1', 0, headEnd);
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (length === undefined) throw new Error(`an answer without Content-Length: ${head}`);
  const lengthBytes = headEnd + 4 + Number(length);
  return bytes.length < lengthBytes ? undefined : { head, body: bytes.subarray(headEnd + 4, lengthBytes), lengthBytes };
}
