import { z } from 'zod';
import { ObjectId, UserId, WorkspaceId } from './ids.ts';
import { Role } from './accounts.ts';

/**
 * `POST /shares`: turns a folder of the caller's personal workspace into a mount of a new shared workspace (the
 * folder keeps its object id and place; what lies below keeps its ids and changes workspace), or, for a folder
 * that is a mount already, adds a member. A member finds the mount at the top of their drive.
 */
export const ShareRequest = z.object({
  objectId: ObjectId,
  email: z.email().max(254),
  role: Role.exclude(['owner']),
});
export type ShareRequest = z.infer<typeof ShareRequest>;

export const ShareMember = z.object({ userId: UserId, email: z.string(), role: Role });
export const Share = z.object({
  workspaceId: WorkspaceId,
  mountId: ObjectId,
  role: Role,
  members: z.array(ShareMember),
});
export type Share = z.infer<typeof Share>;
export const ShareList = z.object({ shares: z.array(Share) });
export type ShareList = z.infer<typeof ShareList>;

/** `PUT /shares/:workspace_id/members` with role; `DELETE …?email=` removes; one's own e-mail leaves. */
export const MemberRequest = z.object({ email: z.email().max(254), role: Role.exclude(['owner']) });
export const MemberQuery = z.object({ email: z.email().max(254) });
export const TransferRequest = z.object({ email: z.email().max(254) });
