import { z } from 'zod';
import { DeviceId, ObjectId, UserId, WorkspaceId } from './ids.ts';

const Email = z.email().max(254);
const DeviceName = z.string().min(1).max(64);

/** `POST /account/signup`: an account, its personal workspace, and this device signed in. */
export const SignupRequest = z.object({
  email: Email,
  password: z.string().min(1).max(1024),
  name: z.string().max(200).optional(),
  deviceName: DeviceName,
  invite: z.string().max(256).optional(),
});
export type SignupRequest = z.infer<typeof SignupRequest>;

/** `POST /account/login`. */
export const LoginRequest = z.object({ email: Email, password: z.string().max(1024), deviceName: DeviceName });
export type LoginRequest = z.infer<typeof LoginRequest>;

/** Tokens of RFC 6749 §5.1. The refresh token rotates with each use; a re-used old one revokes the device. */
export const TokenAnswer = z.object({
  access_token: z.string(),
  token_type: z.literal('Bearer'),
  /** Seconds. */
  expires_in: z.int(),
  refresh_token: z.string(),
});
export type TokenAnswer = z.infer<typeof TokenAnswer>;

export const SignedIn = TokenAnswer.extend({
  userId: UserId,
  deviceId: DeviceId,
  email: z.string(),
  workspaceId: WorkspaceId,
});
export type SignedIn = z.infer<typeof SignedIn>;

/** `POST /oauth/token` (form or JSON). */
export const RefreshRequest = z.object({ grant_type: z.literal('refresh_token'), refresh_token: z.string().max(1024) });

/** `GET /account`. */
export const Account = z.object({
  userId: UserId,
  email: z.string(),
  name: z.string(),
  plan: z.string(),
  quotaBytes: z.int(),
  usedBytes: z.int(),
  deviceId: DeviceId,
  /** The personal workspace. */
  workspaceId: WorkspaceId,
});
export type Account = z.infer<typeof Account>;

export const Device = z.object({
  deviceId: DeviceId,
  name: z.string(),
  createdAt: z.int(),
  lastSeenAt: z.int(),
  current: z.boolean(),
});
export const DeviceList = z.object({ devices: z.array(Device) });
export type DeviceList = z.infer<typeof DeviceList>;

export const Role = z.enum(['owner', 'editor', 'viewer']);
export type Role = z.infer<typeof Role>;

/** `GET /workspaces`: each workspace of the user with its head, so that one cheap request polls them all. */
export const WorkspaceList = z.object({
  workspaces: z.array(
    z.object({
      workspaceId: WorkspaceId,
      kind: z.enum(['personal', 'shared']),
      rootId: ObjectId,
      role: Role,
      epoch: z.string(),
      head: z.int(),
    }),
  ),
});
export type WorkspaceList = z.infer<typeof WorkspaceList>;

export const PlanList = z.object({
  plans: z.array(z.object({ name: z.string(), quotaBytes: z.int(), retentionDays: z.int(), current: z.boolean() })),
});
export type PlanList = z.infer<typeof PlanList>;
