import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmod, lstat, rm } from 'node:fs/promises';
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What an administrator's command comes to. */
export interface AdminAnswer {
  /** Exit code of the command line. */
  readonly exit: number;
  /** For people: stdout when done, stderr when refused. */
  readonly text: string;
  /** For `--json`. */
  readonly data: unknown;
}

/** Runs a command; never rejects. */
export type Administer = (args: readonly string[]) => Promise<AdminAnswer>;

/** Longest name of a Unix socket, with room: 108 bytes on Linux, 104 elsewhere. */
const LONGEST_NAME = 100;
const MOST_BYTES = 64 * 1024;

/** Where the server of a data folder hears its administrator. */
export function adminSocketOf(dataFolder: string): string {
  if (process.platform === 'win32') return `\\\\.\\pipe\\satchel-${nameOf(dataFolder)}`;
  const inside = join(dataFolder, 'admin.sock');
  return Buffer.byteLength(inside) <= LONGEST_NAME ? inside : join(tmpdir(), `satchel-${nameOf(dataFolder)}.sock`);
}

const nameOf = (folder: string): string => createHash('sha256').update(folder).digest('hex').slice(0, 24);

/** What a server does for its administrator. */
export interface AdminService {
  readonly administer: Administer;
  /** Nothing stored is deleted until it is disposed. */
  readonly holdDeletions: () => Promise<Disposable>;
}

const HOLD_PATH = '/hold';

/** Hears commands until disposed. Only the user that the server runs as can connect. */
export async function listenForAdmin(
  socket: string,
  { administer, holdDeletions }: AdminService,
): Promise<AsyncDisposable> {
  const server = createServer((incoming, reply) => {
    void (async () => {
      try {
        if (incoming.url === HOLD_PATH) return await holdWhileOpen(incoming, reply, holdDeletions);
        const { args } = JSON.parse(await bodyOf(incoming)) as { args: readonly string[] };
        reply.setHeader('content-type', 'application/json').end(JSON.stringify(await administer(args)));
      } catch {
        reply.writeHead(400).end();
      }
    })();
  });
  server.requestTimeout = 0;
  // Only the holder of the data folder's lock comes here, so that a socket that lies about is a dead server's.
  if (process.platform !== 'win32') await rm(socket, { force: true });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(socket, resolve));
  if (process.platform !== 'win32') await chmod(socket, 0o600);
  return {
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The connection is the lease: a backup that dies lets go, whatever killed it. */
async function holdWhileOpen(
  incoming: IncomingMessage,
  reply: ServerResponse,
  holdDeletions: AdminService['holdDeletions'],
): Promise<void> {
  const closed = once(reply, 'close');
  incoming.resume();
  using held = new DisposableStack();
  held.use(await holdDeletions());
  reply.writeHead(200).flushHeaders();
  await closed;
}

/** Deletions of a running server, held from here. */
export interface RemoteHold extends Disposable {
  /** Whether the server ended meanwhile, so that something may have been deleted since. */
  readonly lost: boolean;
}

/** Has the running server delete nothing until disposed; undefined when none runs on this data folder. */
export async function holdDeletionsOf(socket: string): Promise<RemoteHold | undefined> {
  if (!(await isOwn(socket))) return undefined;
  return new Promise((resolve, reject) => {
    const state = { lost: false };
    const call = request({ socketPath: socket, path: HOLD_PATH }, (reply) => {
      reply.resume().once('close', () => (state.lost = true));
      resolve({
        get lost() {
          return state.lost;
        },
        [Symbol.dispose]: () => void call.destroy(),
      });
    });
    call.on('error', (error) => (runsNot(error) ? resolve(undefined) : reject(error)));
    call.end();
  });
}

const runsNot = (error: NodeJS.ErrnoException): boolean => error.code === 'ECONNREFUSED' || error.code === 'ENOENT';

/** Asks the running server; undefined when none runs on this data folder. */
export async function askServer(socket: string, args: readonly string[]): Promise<AdminAnswer | undefined> {
  if (!(await isOwn(socket))) return undefined;
  return new Promise((resolve, reject) => {
    const call = request({ socketPath: socket, method: 'POST', path: '/' }, (reply) => {
      bodyOf(reply).then((text) => resolve(JSON.parse(text) as AdminAnswer), reject);
    });
    call.once('error', (error) => (runsNot(error) ? resolve(undefined) : reject(error)));
    call.end(JSON.stringify({ args }));
  });
}

/** The fallback place is one where others may put sockets as well. */
async function isOwn(socket: string): Promise<boolean> {
  if (process.platform === 'win32') return true;
  try {
    return (await lstat(socket)).uid === process.getuid?.();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

async function bodyOf(message: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of message) {
    length += (part as Buffer).length;
    if (length > MOST_BYTES && message.method !== undefined) throw new RangeError('the command is too long');
    parts.push(part as Buffer);
  }
  return Buffer.concat(parts).toString('utf8');
}
