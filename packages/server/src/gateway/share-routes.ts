import type { Calls } from './calls.ts';
import type { Services } from './services.ts';

/** Shared folders and their members. */
export function shareRoutes(calls: Calls, { meta }: Services): void {
  calls.on('shares', ({ caller }) => meta.shares(caller));
  calls.on('share', ({ caller, body }) => meta.share(caller, body));
  calls.on('setMember', ({ caller, params, body }) => meta.setMember(caller, params.workspace_id, body));
  calls.on('removeMember', ({ caller, params, query }) => meta.removeMember(caller, params.workspace_id, query.email));
  calls.on('transferShare', ({ caller, params, body }) => meta.transferShare(caller, params.workspace_id, body.email));
}
