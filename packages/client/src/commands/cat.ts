import { createHash } from 'node:crypto';
import type { ChunkRef } from '@satchel/protocol/objects.ts';
import { CodedError } from '@satchel/protocol/errors.ts';
import { PATIENCE } from '../cli/patience.ts';
import type { CommandContext } from '../cli/command-spec.ts';
import { CommandError } from '../cli/command-error.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { chunksOf } from '../cli/remote-copy.ts';
import { isFile, openPatientDrive, shown, type RemoteDrive, type RemoteFile } from '../cli/remote-drive.ts';
import { openSession } from '../cli/session.ts';
import { retrying } from '../transfer/retry.ts';

/** `satchel cat`. */
export async function cat(context: CommandContext): Promise<number> {
  using session = openSession(context);
  const drive = openPatientDrive(session, context);
  for (const typed of context.args) {
    const file = await drive.expect(typed);
    if (!isFile(file)) throw new CommandError('kind_mismatch', EXIT.conflict, `${shown(file)} is no file.`);
    await printFile(drive, file, (bytes) => context.terminal.bytes(bytes));
  }
  return EXIT.done;
}

/** Hands out the bytes of a file in order, only such as are what their chunk is named by; goes on after a cut. */
export async function printFile(
  drive: RemoteDrive,
  file: RemoteFile,
  take: (bytes: Uint8Array) => Promise<void> | undefined,
): Promise<void> {
  const { signal, api } = drive;
  const chunks = await chunksOf(drive, file);
  const { objectId, version } = file.record;
  const verified = createVerifier(chunks, shown(file), take);
  const request = { workspaceId: file.workspaceId, objectId, versionId: version.versionId };
  let tries = 0;
  for (let before = -1; !verified.isComplete();) {
    const from = verified.restart();
    // Each try that brought something has the whole patience again.
    tries = from > before ? 0 : tries + 1;
    if (tries > 3)
      throw new CommandError('length_mismatch', EXIT.error, `${shown(file)}: the server sends too little.`);
    before = from;
    await retrying(PATIENCE, signal, () =>
      api.fetchContent({ ...request, from: verified.restart() }, verified.push, signal),
    );
  }
}

/** Collects each chunk, checks it, and only then gives it on: memory of one chunk. */
export function createVerifier(
  chunks: readonly ChunkRef[],
  what: string,
  take: (bytes: Uint8Array) => Promise<void> | undefined,
) {
  let index = 0;
  let offset = 0;
  let parts: Uint8Array[] = [];
  let length = 0;

  function complete(chunk: ChunkRef): Promise<void> | undefined {
    const bytes = Buffer.concat(parts);
    if (createHash('sha256').update(bytes).digest('hex') !== chunk.id)
      throw new CodedError('hash_mismatch', `${what}: what the server sent is damaged.`);
    parts = [];
    length = 0;
    index++;
    offset += chunk.size;
    return take(bytes);
  }

  return {
    isComplete: () => index >= chunks.length,
    /** Forgets a chunk that came only in part; the byte of the file to go on with. */
    restart(): number {
      parts = [];
      length = 0;
      return offset;
    },
    push(bytes: Uint8Array): Promise<void> | undefined {
      const waits: Promise<void>[] = [];
      for (let at = 0; at < bytes.length;) {
        const chunk = chunks[index];
        if (chunk === undefined) throw new CodedError('length_mismatch', `${what}: the server sent too much.`);
        const piece = bytes.subarray(at, at + chunk.size - length);
        parts.push(Uint8Array.from(piece));
        length += piece.length;
        at += piece.length;
        const wait = length === chunk.size ? complete(chunk) : undefined;
        if (wait !== undefined) waits.push(wait);
      }
      return waits.length === 0 ? undefined : Promise.all(waits).then(() => undefined);
    },
  };
}
