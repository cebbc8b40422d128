/** Metadata on one server process: durable commits of one operation, and reads of a folder, over 64 connections. */
import { apiClient, freshId, mkdirOperation } from '../../test/support/api.ts';
import { startServer } from '../../test/support/satchel.ts';
import { scratch } from '../../test/support/scratch.ts';
import { API, PROTOCOL_HEADER, PROTOCOL_VERSION } from '@satchel/protocol/version.ts';
import { type Figure } from '../figure.ts';
import { generateLoad } from '../load.ts';

const connections = 64;
const seconds = 10;

export async function metadata(): Promise<readonly Figure[]> {
  await using folder = scratch('bench-meta');
  await using server = await startServer({ folder: folder.path });
  const api = await apiClient(server.url, {
    action: 'signup',
    email: 'load@example.test',
    password: 'a long enough password 5',
  });
  const root = await api.rootId();
  const folders = Array.from({ length: connections }, (_, i) => mkdirOperation(root, `connection ${i}`));
  await api.commit(folders);
  await api.commit(
    folders.flatMap(({ objectId }) => Array.from({ length: 10 }, (_, i) => mkdirOperation(objectId, `seed ${i}`))),
  );

  const head = (method: string, path: string, more = ''): string =>
    `${method} ${API}${path} HTTP/1.1\r\nhost: 127.0.0.1\r\n${PROTOCOL_HEADER}: ${PROTOCOL_VERSION}\r\nauthorization: Bearer ${api.me.access_token}\r\n${more}\r\n`;
  const wellDone = (answer: string, body: Buffer, mark: string): void => {
    if (!answer.startsWith('HTTP/1.1 200') || !body.includes(mark))
      throw new Error(`${answer}\n${body.toString('utf8', 0, 1000)}`);
  };
  const reads = folders.map(({ objectId }) =>
    Buffer.from(head('GET', `/files/metadata?workspace_id=${api.me.workspaceId}&folder_id=${objectId}`)),
  );
  const read = async (time: number): Promise<number> =>
    await generateLoad({
      port: server.port,
      connections,
      seconds: time,
      next: (i) => reads[i] ?? Buffer.alloc(0),
      check: (answer, body) => wellDone(answer, body, '"children"'),
    });
  let number = 0;
  const commitRequest = (connection: number): Buffer => {
    const parent = folders[connection]?.objectId ?? root;
    const body = `{"workspaceId":"${api.me.workspaceId}","operations":[{"op":"mkdir","operationId":"${freshId()}","objectId":"${freshId()}","place":{"parentId":"${parent}","name":"n${number++}"}}]}`;
    return Buffer.from(
      head('POST', '/files/commit', `content-type: application/json\r\ncontent-length: ${body.length}\r\n`) + body,
    );
  };
  const commit = async (time: number): Promise<number> =>
    await generateLoad({
      port: server.port,
      connections,
      seconds: time,
      next: commitRequest,
      check: (answer, body) => wellDone(answer, body, '"outcome":"done"'),
    });

  await read(2); // warm: compiled code and caches
  const readsPerSecond = await read(seconds);
  await commit(2);
  const commitsPerSecond = await commit(seconds);
  return [
    {
      name: 'metadata commits, 64 connections, one operation each',
      subject: 'satchel',
      value: commitsPerSecond,
      unit: '/s',
      least: 4600,
    },
    {
      name: 'reads of folder metadata, 64 connections',
      subject: 'satchel',
      value: readsPerSecond,
      unit: '/s',
      least: 13_800,
    },
  ];
}
