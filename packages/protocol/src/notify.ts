import { z } from 'zod';
import { UploadId, WorkspaceId } from './ids.ts';

/**
 * A ping (S9): something changed there; ask. `seq`: the journal reached it. `upload`: chunks of a file still on
 * its way have arrived. `workspaces`: the set of the user's workspaces or roles changed. `damaged`: the store has lost
 * chunks of the workspace (H93), which are asked for.
 */
export const Ping = z.object({
  workspace: WorkspaceId.optional(),
  seq: z.int().optional(),
  upload: UploadId.optional(),
  workspaces: z.literal(true).optional(),
  damaged: z.literal(true).optional(),
});
export type Ping = z.infer<typeof Ping>;

/** `GET /sync/poll?workspace_id=…&seq=…`: answers when the workspace passes seq, or after `LIMITS.longPollMs`. */
export const PollQuery = z.object({ timeout_ms: z.coerce.number().int().min(0).max(55_000).optional() });
export const PollAnswer = z.object({ pings: z.array(Ping) });
export type PollAnswer = z.infer<typeof PollAnswer>;
