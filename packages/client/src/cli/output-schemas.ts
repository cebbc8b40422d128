import { z } from 'zod';

/**
 * What `--json` prints, by command: a contract with scripts. Fields are added, never renamed. Commands in `STREAMS`
 * print one such object per line, the others exactly one.
 */

const Time = z.iso.datetime();
const Count = z.int().min(0);
const Bytes = z.int().min(0);

const SyncState = z.enum(['synced', 'syncing', 'paused', 'offline', 'held', 'error']);
const Held = z.object({ deletes: Count, sample: z.array(z.string()), since: Time });

export const StatusOutput = z.object({
  state: SyncState,
  root: z.string(),
  server: z.string(),
  account: z.string(),
  device: z.string(),
  scanned: z.boolean(),
  pending: z.object({ uploads: Count, downloads: Count, bytesUp: Bytes, bytesDown: Bytes }),
  problems: z.array(z.object({ path: z.string(), code: z.string(), message: z.string() })),
  conflicts: Count,
  held: Held.nullable(),
  busyWith: z.array(z.string()),
  lastSyncAt: Time.nullable(),
  pausedUntil: Time.nullable(),
  rates: z.object({ bytesPerSecondUp: z.number().min(0), bytesPerSecondDown: z.number().min(0) }),
  files: Count,
  pid: z.int(),
  /** Only where paths were asked for. */
  paths: z
    .array(
      z.object({
        path: z.string(),
        state: z.enum(['synced', 'syncing', 'ignored', 'excluded', 'problem', 'unknown']),
        message: z.string().optional(),
      }),
    )
    .optional(),
});

const Entry = z.object({
  path: z.string(),
  name: z.string(),
  kind: z.enum(['file', 'folder', 'symlink', 'mount']),
  objectId: z.string().optional(),
  workspaceId: z.string(),
  size: Bytes.optional(),
  contentHash: z.string().optional(),
  versionId: z.string().optional(),
  executable: z.boolean().optional(),
  modifiedAt: Time.optional(),
  changedAt: Time.optional(),
  target: z.string().optional(),
  mounts: z.string().optional(),
});
const Listing = z.object({ path: z.string(), entries: z.array(Entry) });

const Transferred = z.object({
  path: z.string(),
  local: z.string(),
  outcome: z.enum(['done', 'unchanged', 'skipped', 'failed']),
  bytes: Bytes,
  code: z.string().optional(),
  message: z.string().optional(),
});

const Counted = z.array(z.object({ path: z.string(), kind: z.string(), bytes: Bytes }));
const Total = z.object({ files: Count, folders: Count, bytes: Bytes });
const Started = z.object({ pid: z.int(), root: z.string(), state: SyncState, alreadyRunning: z.boolean() });
const SignedIn = z.object({
  server: z.string(),
  email: z.string(),
  userId: z.string(),
  deviceId: z.string(),
  deviceName: z.string(),
});
const Setting = z.object({
  name: z.string(),
  value: z.union([z.string(), z.number()]),
  from: z.enum(['environment', 'config', 'default']),
});
const Share = z.object({
  path: z.string(),
  workspaceId: z.string(),
  mountId: z.string(),
  role: z.enum(['owner', 'editor', 'viewer']),
  members: z.array(z.object({ userId: z.string(), email: z.string(), role: z.enum(['owner', 'editor', 'viewer']) })),
});
const Excluded = z.object({ path: z.string(), excluded: z.boolean() });
const Moved = z.object({ from: z.string(), to: z.string() });
const Unit = z.object({ unit: z.string(), file: z.string() });
const Limit = z.union([z.number(), z.literal('off')]);

export const OUTPUTS: Readonly<Record<string, z.ZodType>> = {
  signup: SignedIn,
  login: SignedIn,
  logout: z.object({ email: z.string(), told: z.boolean() }),
  whoami: SignedIn.extend({ name: z.string(), plan: z.string(), quotaBytes: Bytes, usedBytes: Bytes }),
  'plan ls': z.object({
    plans: z.array(z.object({ name: z.string(), quotaBytes: Bytes, retentionDays: Count, current: z.boolean() })),
  }),
  'device ls': z.object({
    devices: z.array(
      z.object({
        deviceId: z.string(),
        name: z.string(),
        createdAt: Time,
        lastSeenAt: Time,
        current: z.boolean(),
      }),
    ),
  }),
  'device revoke': z.object({ deviceId: z.string(), name: z.string(), revoked: z.literal(true) }),
  link: z.union([
    z.object({
      root: z.string(),
      /** The folder that is linked now, if one is. */
      linked: z.string().nullable(),
      upload: Counted,
      download: Counted,
      join: Counted,
      keepTwice: Counted,
      total: z.object({ upload: Total, download: Total, join: Total, keepTwice: Total }),
    }),
    /** `linked` false: it was so already. */
    z.object({ root: z.string(), linked: z.boolean() }),
  ]),
  unlink: z.object({ root: z.string() }),
  start: Started,
  restart: Started,
  stop: z.object({ wasRunning: z.boolean() }),
  'service install': Unit.extend({ started: z.boolean() }),
  'service uninstall': Unit.extend({ removed: z.literal(true) }),
  status: StatusOutput,
  wait: z.object({ state: z.literal('synced') }),
  pause: z.object({ state: z.literal('paused'), pausedUntil: Time.nullable() }),
  resume: z.object({ resumed: z.literal(true) }),
  'sync now': z.object({ asked: z.literal(true) }),
  'held ls': z.object({ held: Held.nullable() }),
  'held accept': z.object({ accepted: Count }),
  'held undo': z.object({ undone: Count }),
  activity: z.object({ at: Time, what: z.string(), path: z.string(), detail: z.string().optional() }),
  doctor: z.object({
    checked: z.object({ objects: Count, files: Count, workspaces: Count }),
    findings: z.array(z.object({ code: z.string(), path: z.string(), message: z.string(), repaired: z.boolean() })),
  }),
  'exclude ls': z.object({ excluded: z.array(z.string()) }),
  'exclude add': Excluded,
  'exclude rm': Excluded,
  'ignore why': z.object({
    path: z.string(),
    ignored: z.boolean(),
    rule: z.string().nullable(),
    source: z.string().nullable(),
    line: z.int().nullable(),
  }),
  limit: z.object({ up: Limit, down: Limit }),
  'conflicts ls': z.object({
    conflicts: z.array(z.object({ path: z.string(), original: z.string().nullable() })),
  }),
  'conflicts resolve': z.object({ path: z.string(), keep: z.enum(['local', 'remote', 'both']) }),
  ls: Listing,
  tree: Listing,
  stat: Entry,
  get: Transferred,
  put: Transferred,
  cp: Moved.extend({ copied: Count }),
  mv: Moved,
  rm: z.object({ deleted: z.array(z.string()) }),
  mkdir: z.object({ created: z.array(z.string()) }),
  'share ls': z.object({ shares: z.array(Share) }),
  'share add': Share,
  'share set': Share,
  'share rm': z.object({ path: z.string(), removed: z.string() }),
  'share leave': z.object({ path: z.string(), left: z.literal(true) }),
  'share transfer': Share,
  'config ls': z.object({ settings: z.array(Setting) }),
  'config get': Setting,
  'config set': Setting,
  completion: z.object({ shell: z.string(), script: z.string() }),
  version: z.object({ version: z.string(), protocol: z.int(), node: z.string() }),
};

/** One object per line: `status` with --watch, the others always. */
export const STREAMS: ReadonlySet<string> = new Set(['status', 'activity', 'get', 'put']);

/** `cat` prints bytes, `schema` what stands here. */
export const WITHOUT_OUTPUT: ReadonlySet<string> = new Set(['cat', 'schema']);

/** On stderr, when a command fails with `--json`. */
export const ErrorOutput = z.object({
  error: z.object({ code: z.string(), message: z.string(), next: z.string().optional() }),
});
