import { z } from 'zod';
import * as accounts from './accounts.ts';
import * as commit from './commit.ts';
import { ChunkId, DeviceId, ObjectId, VersionId, WorkspaceId } from './ids.ts';
import { LIMITS } from './limits.ts';
import * as notify from './notify.ts';
import * as objects from './objects.ts';
import * as shares from './shares.ts';
import * as transfer from './transfer.ts';

/**
 * One call of the wire, below `/api/v1`. The server validates with these schemas, and OpenAPI is generated from them.
 * Parameters in a path are written `:name`.
 */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly summary: string;
  /** `token`: a device's access token; `signed`: the address carries a signature; `none`: anybody. */
  readonly auth: 'token' | 'signed' | 'none';
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  /** A schema: a JSON body. `bytes`: a stream of bytes. */
  readonly body?: z.ZodType | 'bytes';
  /** A schema: JSON. `bytes`: a stream. `events`: server-sent events. Absent: 204 without a body. */
  readonly answer?: z.ZodType | 'bytes' | 'events';
  /** Longest body in bytes, also once it is decompressed. Default 1 MiB. */
  readonly bodyBytes?: number;
}

const Ok = z.object({});

const FilePath = z.object({ id: ObjectId });
const ChunkPath = z.object({ chunk_id: ChunkId });
const DevicePath = z.object({ device_id: DeviceId });
const WorkspacePath = z.object({ workspace_id: WorkspaceId });
const ContentQuery = z.object({ workspace_id: WorkspaceId, version_id: VersionId.optional() });
const VerifyQuery = z.object({ token: z.string().max(2048) });

export const ROUTES = {
  signup: {
    method: 'POST',
    path: '/account/signup',
    summary: 'Make an account and sign this device in',
    auth: 'none',
    body: accounts.SignupRequest,
    answer: accounts.SignedIn,
    bodyBytes: 16_384,
  },
  login: {
    method: 'POST',
    path: '/account/login',
    summary: 'Sign this device in',
    auth: 'none',
    body: accounts.LoginRequest,
    answer: accounts.SignedIn,
    bodyBytes: 16_384,
  },
  logout: {
    method: 'POST',
    path: '/account/logout',
    summary: 'Sign this device out',
    auth: 'token',
  },
  verifyEmail: {
    method: 'GET',
    path: '/account/verify',
    summary: 'Confirm an e-mail address with the token that was sent to it',
    auth: 'none',
    query: VerifyQuery,
    answer: Ok,
  },
  account: {
    method: 'GET',
    path: '/account',
    summary: 'The account, its plan and what it uses',
    auth: 'token',
    answer: accounts.Account,
  },
  token: {
    method: 'POST',
    path: '/oauth/token',
    summary: 'A new access token for a refresh token, which is replaced too (form or JSON)',
    auth: 'none',
    body: accounts.RefreshRequest,
    answer: accounts.TokenAnswer,
    bodyBytes: 16_384,
  },
  devices: {
    method: 'GET',
    path: '/devices',
    summary: 'Devices that are signed in',
    auth: 'token',
    answer: accounts.DeviceList,
  },
  revokeDevice: {
    method: 'DELETE',
    path: '/devices/:device_id',
    summary: 'Sign a device out',
    auth: 'token',
    params: DevicePath,
  },
  plans: {
    method: 'GET',
    path: '/plans',
    summary: 'Plans and which one the account has',
    auth: 'token',
    answer: accounts.PlanList,
  },
  workspaces: {
    method: 'GET',
    path: '/workspaces',
    summary: 'The workspaces of the account with their heads: one request polls them all',
    auth: 'token',
    answer: accounts.WorkspaceList,
  },
  uploadRequest: {
    method: 'POST',
    path: '/files/upload_request',
    summary: 'What is needed of each chunk of files to be uploaded',
    auth: 'token',
    body: transfer.UploadRequest,
    answer: transfer.UploadAnswer,
  },
  uploads: {
    method: 'GET',
    path: '/uploads',
    summary: 'What has arrived of files that devices are still uploading',
    auth: 'token',
    query: transfer.PendingUploadsQuery,
    answer: transfer.PendingUploads,
  },
  prove: {
    method: 'POST',
    path: '/chunks/prove',
    summary: 'Prove possession of chunks that are stored for somebody else',
    auth: 'token',
    body: transfer.ProveRequest,
    answer: transfer.ChunkResults,
  },
  batch: {
    method: 'POST',
    path: '/chunks/batch',
    summary: 'Many small chunks or deltas in one framed stream',
    auth: 'token',
    query: transfer.BatchQuery,
    body: 'bytes',
    answer: transfer.ChunkResults,
    bodyBytes: 2 * LIMITS.batchBytes,
  },
  fetch: {
    method: 'POST',
    path: '/chunks/fetch',
    summary: 'Many chunks or deltas as one framed stream',
    auth: 'token',
    body: transfer.FetchRequest,
    answer: 'bytes',
  },
  getChunk: {
    method: 'GET',
    path: '/chunks/:chunk_id',
    summary: 'The bytes of one chunk',
    auth: 'token',
    params: ChunkPath,
    query: transfer.ChunkQuery,
    answer: 'bytes',
  },
  putChunk: {
    method: 'PUT',
    path: '/chunks/:chunk_id',
    summary: 'Store the bytes of one chunk',
    auth: 'token',
    params: ChunkPath,
    query: transfer.BatchQuery,
    body: 'bytes',
    bodyBytes: LIMITS.chunkBytes,
  },
  postChunk: {
    method: 'POST',
    path: '/chunks/:chunk_id',
    summary: 'Store the bytes of one chunk, for clients that cannot PUT',
    auth: 'token',
    params: ChunkPath,
    query: transfer.BatchQuery,
    body: 'bytes',
    bodyBytes: LIMITS.chunkBytes,
  },
  putBlock: {
    method: 'PUT',
    path: '/blocks/*',
    summary: 'Store a chunk at a signed address',
    auth: 'signed',
    body: 'bytes',
    bodyBytes: LIMITS.chunkBytes,
  },
  getBlock: {
    method: 'GET',
    path: '/blocks/*',
    summary: 'Read a chunk from a signed address',
    auth: 'signed',
    answer: 'bytes',
  },
  commit: {
    method: 'POST',
    path: '/files/commit',
    summary: 'Up to 1,000 operations, each with its result; a single one also answers with its own status',
    auth: 'token',
    body: commit.CommitRequest,
    answer: commit.CommitAnswer,
    bodyBytes: LIMITS.jsonBytes,
  },
  decideHeld: {
    method: 'POST',
    path: '/workspaces/:workspace_id/held',
    summary: 'Let mass deletions of this device in a workspace through, which were refused as held',
    auth: 'token',
    params: WorkspacePath,
    body: commit.HeldDecision,
    answer: commit.HeldDecided,
  },
  damaged: {
    method: 'GET',
    path: '/workspaces/:workspace_id/damaged',
    summary: 'Chunks of a workspace that are damaged in the store: whoever has the bytes sends them again',
    auth: 'token',
    params: WorkspacePath,
    query: transfer.DamagedQuery,
    answer: transfer.DamagedChunks,
  },
  objects: {
    method: 'GET',
    path: '/objects',
    summary: 'What has changed in a workspace since a cursor',
    auth: 'token',
    query: objects.ListQuery,
    answer: objects.ListAnswer,
  },
  metadata: {
    method: 'GET',
    path: '/files/metadata',
    summary: 'One object, or the contents of one folder',
    auth: 'token',
    query: objects.MetadataQuery,
    answer: objects.MetadataAnswer,
  },
  content: {
    method: 'GET',
    path: '/files/:id/content',
    summary: 'The bytes of a file; ranges are understood',
    auth: 'token',
    params: FilePath,
    query: ContentQuery,
    answer: 'bytes',
  },
  shares: {
    method: 'GET',
    path: '/shares',
    summary: 'Shared folders of the account and their members',
    auth: 'token',
    answer: shares.ShareList,
  },
  share: {
    method: 'POST',
    path: '/shares',
    summary: 'Share a folder, or add a member to one that is shared',
    auth: 'token',
    body: shares.ShareRequest,
    answer: shares.Share,
  },
  setMember: {
    method: 'PUT',
    path: '/shares/:workspace_id/members',
    summary: 'Add a member or change a role',
    auth: 'token',
    params: WorkspacePath,
    body: shares.MemberRequest,
    answer: shares.Share,
  },
  removeMember: {
    method: 'DELETE',
    path: '/shares/:workspace_id/members',
    summary: 'Remove a member; with the own e-mail, leave',
    auth: 'token',
    params: WorkspacePath,
    query: shares.MemberQuery,
  },
  transferShare: {
    method: 'POST',
    path: '/shares/:workspace_id/transfer',
    summary: 'Make another member the owner',
    auth: 'token',
    params: WorkspacePath,
    body: shares.TransferRequest,
    answer: shares.Share,
  },
  events: {
    method: 'GET',
    path: '/sync/events',
    summary: 'Pings as server-sent events',
    auth: 'token',
    answer: 'events',
  },
  poll: {
    method: 'GET',
    path: '/sync/poll',
    summary: 'Pings by long poll',
    auth: 'token',
    query: notify.PollQuery,
    answer: notify.PollAnswer,
  },
} as const satisfies Record<string, Route>;

export type RouteName = keyof typeof ROUTES;

/** The WebSocket that carries pings; an upgrade is no call with an answer, so it is not in the table. */
export const NOTIFICATIONS_PATH = '/sync/notifications';
