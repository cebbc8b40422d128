import type { ServerResponse } from 'node:http';
import type { FastifyReply } from 'fastify';
import type { Runs } from '../block/read-ahead.ts';

/**
 * Answers with the runs, one after the other as the receiver takes them. Throws what fails before the first run, so
 * that it can still be told; a later failure cuts the answer, which then is not complete for the receiver.
 */
export async function sendRuns(reply: FastifyReply, runs: Runs): Promise<void> {
  const first = await runs.next();
  void reply.hijack();
  const { raw, log } = reply;
  const closed = new Promise<void>((resolve) => raw.once('close', resolve));
  raw.writeHead(reply.statusCode, reply.getHeaders() as Record<string, string>);
  try {
    for (let run = first; !run.done; run = await runs.next()) {
      const isSent = await Promise.race([written(raw, run.value), closed]);
      if (isSent !== true) break;
    }
    raw.end();
  } catch (error) {
    log.error({ err: error }, 'an answer was cut');
    raw.destroy();
  } finally {
    await runs.return();
  }
}

/** Resolves with true when the parts have left this process. */
function written(raw: ServerResponse, parts: readonly Uint8Array[]): Promise<boolean> {
  if (parts.length === 0) return Promise.resolve(true);
  const { promise, resolve } = Promise.withResolvers<boolean>();
  raw.cork();
  for (const [index, part] of parts.entries())
    raw.write(part, index < parts.length - 1 ? undefined : (error) => resolve(!error));
  raw.uncork();
  return promise;
}
