import { ERRORS } from '@satchel/protocol/errors.ts';
import type { Calls } from './calls.ts';
import type { Services } from './services.ts';

/** Commits, listings and metadata. */
export function fileRoutes(calls: Calls, { meta }: Services): void {
  calls.on('commit', async ({ caller, body, reply }) => {
    const answer = await meta.commit(caller, body);
    // A client that sends one operation may look at the status alone.
    const [only] = answer.results;
    if (answer.results.length === 1 && only?.outcome === 'refused') void reply.code(ERRORS[only.code].status);
    return answer;
  });
  calls.on('decideHeld', ({ caller, params }) => meta.acceptDeletes(caller, params.workspace_id));
  calls.on('objects', ({ caller, query }) => meta.list(caller, query));
  calls.on('metadata', ({ caller, query }) => meta.metadata(caller, query));
  calls.on('workspaces', ({ caller }) => meta.workspaces(caller));
  calls.on('uploads', ({ caller, query }) => meta.pendingUploads(caller, query));
  calls.on('damaged', ({ caller, params, query }) => meta.damaged(caller, params.workspace_id, query.after));
}
