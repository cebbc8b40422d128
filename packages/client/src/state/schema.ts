/**
 * The client's database: the three trees (C1), the cursors, and what the user has set. Object ids are the key of
 * every tree (C2). Times of files are text of decimal nanoseconds where 53 bits do not hold them.
 */
export const SCHEMA_VERSION = 1;

const content = `
  kind TEXT NOT NULL, hash TEXT, size INTEGER, executable INTEGER, mtime_ms REAL, target TEXT`;

export const SCHEMA = `
CREATE TABLE setting (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE workspace (
  workspace_id TEXT PRIMARY KEY, root_id TEXT NOT NULL, mount_id TEXT NOT NULL, role TEXT NOT NULL,
  epoch TEXT NOT NULL, cursor TEXT, head INTEGER NOT NULL DEFAULT 0, digest TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE remote (
  object_id TEXT PRIMARY KEY, workspace_id TEXT NOT NULL, parent_id TEXT NOT NULL, name TEXT NOT NULL, ${content},
  version_id TEXT, place_version INTEGER NOT NULL, seq INTEGER NOT NULL, deleted INTEGER NOT NULL DEFAULT 0, mounts TEXT
) WITHOUT ROWID;
CREATE INDEX remote_place ON remote (parent_id, name);
CREATE INDEX remote_mounts ON remote (mounts) WHERE mounts IS NOT NULL;

CREATE TABLE local (
  object_id TEXT PRIMARY KEY, workspace_id TEXT NOT NULL, parent_id TEXT NOT NULL, name TEXT NOT NULL, ${content},
  presence TEXT NOT NULL, moved_from TEXT, disk_name TEXT,
  dev INTEGER NOT NULL, ino INTEGER NOT NULL, mtime_ns TEXT NOT NULL, ctime_ns TEXT NOT NULL, birth_ns TEXT, mode INTEGER NOT NULL,
  seen_ms REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX local_place ON local (parent_id, name);
CREATE INDEX local_inode ON local (ino);
CREATE INDEX local_hash ON local (hash);
CREATE INDEX local_moved_from ON local (moved_from) WHERE moved_from IS NOT NULL;

CREATE TABLE synced (
  object_id TEXT PRIMARY KEY, workspace_id TEXT NOT NULL, parent_id TEXT NOT NULL, name TEXT NOT NULL, ${content},
  version_id TEXT, place_version INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX synced_place ON synced (parent_id, name);

-- Chunk lists of contents longer than the smallest chunk, and the block signatures from which deltas are made.
CREATE TABLE manifest (hash TEXT PRIMARY KEY, chunks BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE signature (chunk_id TEXT PRIMARY KEY, blocks BLOB NOT NULL) WITHOUT ROWID;
-- Where the chunks of long files lie on this disk.
CREATE TABLE chunk_source (chunk_id TEXT, object_id TEXT, offset INTEGER, size INTEGER NOT NULL,
  signed INTEGER NOT NULL, PRIMARY KEY (chunk_id, object_id, offset)) WITHOUT ROWID;
CREATE INDEX chunk_source_object ON chunk_source (object_id);
CREATE INDEX chunk_source_unsigned ON chunk_source (object_id) WHERE signed = 0;

-- Commits that were sent and not yet answered: sent again under the same operation ids (H88).
CREATE TABLE pending_commit (id INTEGER PRIMARY KEY, workspace_id TEXT NOT NULL, request TEXT NOT NULL);

-- Changes of the disk in progress: after a crash they are recorded or dropped by looking at the disk (H83). A row
-- holds those that were begun together, under the id of the first.
CREATE TABLE intent (object_id TEXT PRIMARY KEY, intent TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE problem (object_id TEXT PRIMARY KEY, path TEXT NOT NULL, code TEXT NOT NULL, message TEXT NOT NULL,
  tries INTEGER NOT NULL, retry_at REAL NOT NULL) WITHOUT ROWID;
-- Folders that the user does not want on this device, by object id (selective sync).
CREATE TABLE excluded (object_id TEXT PRIMARY KEY, path TEXT NOT NULL) WITHOUT ROWID;
-- Folders that stay on disk only for ignored things in them after their deletion by others (H72).
CREATE TABLE kept_folder (path TEXT PRIMARY KEY) WITHOUT ROWID;
-- What rests in the local trash, as it was put there (H15).
CREATE TABLE trashed (trash_path TEXT PRIMARY KEY, path TEXT NOT NULL, size INTEGER NOT NULL, mtime_ns TEXT NOT NULL,
  at REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE activity (id INTEGER PRIMARY KEY, at REAL NOT NULL, what TEXT NOT NULL, path TEXT NOT NULL, detail TEXT);
`;
