/**
 * The steps by which the schema has come to be. A step that was ever released is never changed; new ones go to the
 * end. Written in what both dialects understand, with words in braces for the few things in which they differ:
 * {int} 64-bit integer, {bytes} binary, {table} how a table definition ends, {keyed} the same for a table that is
 * mostly reached by its primary key, {exact} text compared byte by byte.
 */
export interface Migration {
  /** 1, 2, 3 … without gaps. */
  readonly number: number;
  readonly name: string;
  readonly statements: readonly string[];
}

export interface DialectWords {
  readonly int: string;
  readonly bytes: string;
  readonly table: string;
  readonly keyed: string;
  readonly exact: string;
}

/** The step in a dialect's own words. */
export function inDialect(statement: string, words: DialectWords): string {
  return statement.replaceAll(/\{(int|bytes|table|keyed|exact)\}/g, (_, word: keyof DialectWords) => words[word]);
}

const DIRECTORY = [
  `create table users (
    user_id text not null primary key, email text not null, name text not null, quota_bytes {int},
    created_at {int} not null, disabled_at {int}) {table}`,
  `create unique index users_by_email on users (email)`,
  `create table plans (plan text not null primary key, quota_bytes {int} not null, retention_days {int} not null) {table}`,
  `insert into plans (plan, quota_bytes, retention_days) values ('free', 1073741824, 30)`,
  `create table subscriptions (
    user_id text not null, plan text not null, since {int} not null, until {int}, primary key (user_id, since)) {keyed}`,
  `create unique index subscriptions_present on subscriptions (user_id) where until is null`,
  `create table devices (
    device_id text not null primary key, user_id text not null, name text not null, created_at {int} not null,
    last_seen_at {int} not null, revoked_at {int}, refresh_salt {bytes} not null,
    refresh_generation {int} not null) {table}`,
  `create index devices_by_user on devices (user_id)`,
  `create index devices_revoked on devices (revoked_at) where revoked_at is not null`,
  `create table administrators (user_id text not null primary key, since {int} not null) {table}`,
  `create table invites (
    invite_hash text not null primary key, email text, created_at {int} not null, expires_at {int} not null,
    used_at {int}) {table}`,
  `create table members (
    workspace_id text not null, user_id text not null, role text not null, mount_id text, created_at {int} not null,
    primary key (workspace_id, user_id)) {keyed}`,
  `create index members_by_user on members (user_id)`,
  `create table workspace_shards (workspace_id text not null primary key, shard {int} not null) {keyed}`,
  `create table audit_log (
    audit_id text not null primary key, at {int} not null, user_id text, device_id text, action text not null,
    details text not null) {table}`,
  `create table jobs (
    job_id text not null primary key, kind text not null, job_key text, args text not null, state text not null,
    attempt {int} not null, due_at {int} not null, reason text) {table}`,
  `create index jobs_due on jobs (due_at) where state <> 'dead'`,
  `create unique index jobs_waiting on jobs (kind, job_key) where state = 'waiting' and job_key is not null`,
];

const CHUNKS = [
  `create table chunks (
    chunk_id {bytes} not null primary key, size {int} not null, store_key text not null, store_offset {int} not null,
    store_length {int} not null, encoding text not null, state text not null, damage text, links {int} not null,
    unlinked_at {int} not null) {keyed}`,
  `create index chunks_by_key on chunks (store_key)`,
  `create index chunks_damaged on chunks (chunk_id) where state = 'damaged'`,
  `create index chunks_unlinked on chunks (unlinked_at) where links = 0`,
];

const WORKSPACES = [
  `create table workspaces (
    workspace_id text not null primary key, kind text not null, owner_id text not null, root_id text not null,
    epoch text not null, head_seq {int} not null, digest text not null, used_bytes {int} not null,
    floor_seq {int} not null, purged_seq {int} not null, created_at {int} not null) {table}`,
  `create index workspaces_by_owner on workspaces (owner_id)`,
  `create table objects (
    workspace_id text not null, object_id text not null, parent_id text not null, name text {exact} not null,
    kind text not null, seq {int} not null, place_version {int} not null, deleted_at {int}, version_id text,
    size {int} not null, content_hash {bytes}, mtime_ms {int} not null, executable {int} not null,
    chunk_count {int} not null, manifest {bytes},
    target text, mounts text, device_id text, changed_at {int} not null, primary key (object_id, workspace_id)) {keyed}`,
  `create unique index objects_by_seq on objects (workspace_id, seq)`,
  `create unique index objects_live on objects (workspace_id, parent_id, name) where deleted_at is null`,
  `create index objects_dead on objects (workspace_id, parent_id, deleted_at) where deleted_at is not null`,
  `create table versions (
    object_id text not null, version_id text not null, workspace_id text not null, size {int} not null,
    content_hash {bytes} not null, mtime_ms {int} not null, executable {int} not null,
    chunk_count {int} not null, manifest {bytes},
    device_id text, user_id text not null, created_at {int} not null, superseded_at {int},
    primary key (object_id, version_id)) {keyed}`,
  `create table events (
    workspace_id text not null, seq {int} not null, object_id text not null, operation_id text, action text not null,
    kind text not null, parent_before text, name_before text, version_before text, target_before text,
    parent_after text not null, name_after text not null, version_after text, target_after text, mounts text,
    place_version {int} not null, deleted {int} not null, device_id text, user_id text not null, at {int} not null,
    primary key (workspace_id, seq)) {keyed}`,
  `create table workspace_chunks (
    workspace_id text not null, chunk_id {bytes} not null, size {int} not null, refs {int} not null,
    touched_at {int} not null, primary key (workspace_id, chunk_id)) {keyed}`,
  `create index workspace_chunks_unused on workspace_chunks (touched_at) where refs = 0`,
  `create table links (
    workspace_id text not null, link_id text not null, object_id text not null, created_by text not null,
    created_at {int} not null, expires_at {int}, primary key (workspace_id, link_id)) {keyed}`,
  `create table uploads (
    workspace_id text not null, upload_id text not null, object_id text not null, user_id text not null,
    device_id text not null, arrived {int} not null, announced_at {int} not null,
    primary key (workspace_id, upload_id)) {keyed}`,
  `create table upload_chunks (
    workspace_id text not null, upload_id text not null, file_offset {int} not null, chunk_id {bytes} not null,
    size {int} not null, position {int}, primary key (workspace_id, upload_id, file_offset)) {keyed}`,
  `create index upload_chunks_expected on upload_chunks (workspace_id, chunk_id) where position is null`,
  `create table applied_operations (
    workspace_id text not null, operation_id text not null, object_id text not null, seq {int} not null,
    at {int} not null, primary key (workspace_id, operation_id)) {keyed}`,
];

const MASS_DELETIONS = [
  `create index events_deletes on events (workspace_id, device_id, at) where action = 'delete'`,
  `create table accepted_deletes (
    workspace_id text not null, device_id text not null, until {int} not null,
    primary key (workspace_id, device_id)) {keyed}`,
];

export const MIGRATIONS: readonly Migration[] = [
  { number: 1, name: 'the beginning', statements: [...DIRECTORY, ...CHUNKS, ...WORKSPACES] },
  { number: 2, name: 'mass deletions', statements: MASS_DELETIONS },
];
