import type { ObjectId, VersionId, WorkspaceId } from '@satchel/protocol/ids.ts';
import { statement } from '../ports/database.ts';
import type { EventRow, ObjectRow, VersionRow } from '../ports/schema.ts';
import { placeholders } from './placeholders.ts';

const OBJECT_COLUMNS: Readonly<Record<keyof ObjectRow, true>> = {
  workspace_id: true,
  object_id: true,
  parent_id: true,
  name: true,
  kind: true,
  seq: true,
  place_version: true,
  deleted_at: true,
  version_id: true,
  size: true,
  content_hash: true,
  mtime_ms: true,
  executable: true,
  chunk_count: true,
  manifest: true,
  target: true,
  mounts: true,
  device_id: true,
  changed_at: true,
};

/** Objects. An update names only the columns that it may change: SQLite rewrites the indexes of each column named. */
export const OBJECTS = {
  /** In whatever workspace: ids are unique across them. */
  byId: statement<{ objectId: ObjectId }>()((q, arg) =>
    q.selectFrom('objects').selectAll().where('object_id', '=', arg('objectId')),
  ),
  liveNamed: statement<{ workspaceId: WorkspaceId; parentId: ObjectId; name: string }>()((q, arg) =>
    q
      .selectFrom('objects')
      .selectAll()
      .where('workspace_id', '=', arg('workspaceId'))
      .where('parent_id', '=', arg('parentId'))
      .where('name', '=', arg('name'))
      .where('deleted_at', 'is', null),
  ),
  anyLiveChild: statement<{ workspaceId: WorkspaceId; parentId: ObjectId }>()((q, arg) =>
    q
      .selectFrom('objects')
      .select('object_id')
      .where('workspace_id', '=', arg('workspaceId'))
      .where('parent_id', '=', arg('parentId'))
      .where('deleted_at', 'is', null)
      .limit(1),
  ),
  /** Live contents in name order. */
  liveChildren: statement<{ workspaceId: WorkspaceId; parentId: ObjectId; after: string; limit: number }>()((q, arg) =>
    q
      .selectFrom('objects')
      .selectAll()
      .where('workspace_id', '=', arg('workspaceId'))
      .where('parent_id', '=', arg('parentId'))
      .where('deleted_at', 'is', null)
      .where('name', '>', arg('after'))
      .orderBy('name')
      .limit(arg('limit')),
  ),
  /** All that ever lay in a folder and was not moved out, dead ones included. */
  children: statement<{ workspaceId: WorkspaceId; parentId: ObjectId }>()((q, arg) =>
    q
      .selectFrom('objects')
      .selectAll()
      .where('workspace_id', '=', arg('workspaceId'))
      .where('parent_id', '=', arg('parentId'))
      .where('deleted_at', 'is', null)
      .unionAll(
        q
          .selectFrom('objects')
          .selectAll()
          .where('workspace_id', '=', arg('workspaceId'))
          .where('parent_id', '=', arg('parentId'))
          .where('deleted_at', 'is not', null),
      ),
  ),
  /** Changes in order; tombstones only from `tombstonesAfter` on. */
  since: statement<{ workspaceId: WorkspaceId; seq: number; tombstonesAfter: number; limit: number }>()((q, arg) =>
    q
      .selectFrom('objects')
      .selectAll()
      .where('workspace_id', '=', arg('workspaceId'))
      .where('seq', '>', arg('seq'))
      .where((w) => w.or([w('deleted_at', 'is', null), w('seq', '>', arg('tombstonesAfter'))]))
      .orderBy('seq')
      .limit(arg('limit')),
  ),
  /** How many levels of folders lie below a folder: no row when there is none. */
  height: statement<{ workspaceId: WorkspaceId; objectId: ObjectId; most: number }>()((q, arg) =>
    q
      .withRecursive('below(object_id, level)', (r) =>
        r
          .selectFrom('objects')
          .select((e) => ['object_id', e.lit(1).as('level')])
          .where('workspace_id', '=', arg('workspaceId'))
          .where('parent_id', '=', arg('objectId'))
          .where('deleted_at', 'is', null)
          .unionAll(
            r
              .selectFrom('below')
              .innerJoin('objects', 'objects.parent_id', 'below.object_id')
              .select((e) => ['objects.object_id', e('below.level', '+', 1).as('level')])
              .where('objects.workspace_id', '=', arg('workspaceId'))
              .where('objects.deleted_at', 'is', null)
              .where('below.level', '<', arg('most')),
          ),
      )
      .selectFrom('below')
      .select('level')
      .orderBy('level', 'desc')
      .limit(1),
  ),
  insert: statement<ObjectRow>()((q, arg) => q.insertInto('objects').values(placeholders(arg, OBJECT_COLUMNS))),
  setContent: statement<ObjectRow>()((q, arg) =>
    q
      .updateTable('objects')
      .set({
        seq: arg('seq'),
        version_id: arg('version_id'),
        size: arg('size'),
        content_hash: arg('content_hash'),
        mtime_ms: arg('mtime_ms'),
        executable: arg('executable'),
        chunk_count: arg('chunk_count'),
        manifest: arg('manifest'),
        target: arg('target'),
        device_id: arg('device_id'),
        changed_at: arg('changed_at'),
      })
      .where('object_id', '=', arg('object_id')),
  ),
  setPlace: statement<ObjectRow>()((q, arg) =>
    q
      .updateTable('objects')
      .set({
        seq: arg('seq'),
        parent_id: arg('parent_id'),
        name: arg('name'),
        place_version: arg('place_version'),
        device_id: arg('device_id'),
        changed_at: arg('changed_at'),
      })
      .where('object_id', '=', arg('object_id')),
  ),
  setDead: statement<ObjectRow>()((q, arg) =>
    q
      .updateTable('objects')
      .set({
        seq: arg('seq'),
        deleted_at: arg('deleted_at'),
        device_id: arg('device_id'),
        changed_at: arg('changed_at'),
      })
      .where('object_id', '=', arg('object_id')),
  ),
  setAll: statement<ObjectRow>()((q, arg) =>
    q.updateTable('objects').set(placeholders(arg, OBJECT_COLUMNS)).where('object_id', '=', arg('object_id')),
  ),
  remove: statement<{ objectId: ObjectId }>()((q, arg) =>
    q.deleteFrom('objects').where('object_id', '=', arg('objectId')),
  ),
} as const;

const VERSION_COLUMNS: Readonly<Record<keyof VersionRow, true>> = {
  object_id: true,
  version_id: true,
  workspace_id: true,
  size: true,
  content_hash: true,
  mtime_ms: true,
  executable: true,
  chunk_count: true,
  manifest: true,
  device_id: true,
  user_id: true,
  created_at: true,
  superseded_at: true,
};

export const VERSIONS = {
  insert: statement<VersionRow>()((q, arg) => q.insertInto('versions').values(placeholders(arg, VERSION_COLUMNS))),
  find: statement<{ objectId: ObjectId; versionId: VersionId }>()((q, arg) =>
    q
      .selectFrom('versions')
      .selectAll()
      .where('object_id', '=', arg('objectId'))
      .where('version_id', '=', arg('versionId')),
  ),
  ofObject: statement<{ objectId: ObjectId }>()((q, arg) =>
    q.selectFrom('versions').selectAll().where('object_id', '=', arg('objectId')),
  ),
  supersede: statement<{ objectId: ObjectId; versionId: VersionId; at: number }>()((q, arg) =>
    q
      .updateTable('versions')
      .set({ superseded_at: arg('at') })
      .where('object_id', '=', arg('objectId'))
      .where('version_id', '=', arg('versionId')),
  ),
  adopt: statement<{ objectId: ObjectId; workspaceId: WorkspaceId }>()((q, arg) =>
    q
      .updateTable('versions')
      .set({ workspace_id: arg('workspaceId') })
      .where('object_id', '=', arg('objectId')),
  ),
  remove: statement<{ objectId: ObjectId; versionId: VersionId }>()((q, arg) =>
    q.deleteFrom('versions').where('object_id', '=', arg('objectId')).where('version_id', '=', arg('versionId')),
  ),
} as const;

const EVENT_COLUMNS: Readonly<Record<keyof EventRow, true>> = {
  workspace_id: true,
  seq: true,
  object_id: true,
  operation_id: true,
  action: true,
  kind: true,
  parent_before: true,
  name_before: true,
  version_before: true,
  target_before: true,
  parent_after: true,
  name_after: true,
  version_after: true,
  target_after: true,
  mounts: true,
  place_version: true,
  deleted: true,
  device_id: true,
  user_id: true,
  at: true,
};

export const EVENTS = {
  insert: statement<EventRow>()((q, arg) => q.insertInto('events').values(placeholders(arg, EVENT_COLUMNS))),
  find: statement<{ workspaceId: WorkspaceId; seq: number }>()((q, arg) =>
    q.selectFrom('events').selectAll().where('workspace_id', '=', arg('workspaceId')).where('seq', '=', arg('seq')),
  ),
  after: statement<{ workspaceId: WorkspaceId; seq: number; before: number; limit: number }>()((q, arg) =>
    q
      .selectFrom('events')
      .select(['seq', 'object_id', 'version_before', 'version_after', 'deleted', 'at'])
      .where('workspace_id', '=', arg('workspaceId'))
      .where('seq', '>', arg('seq'))
      .where('at', '<', arg('before'))
      .orderBy('seq')
      .limit(arg('limit')),
  ),
  removeOld: statement<{ workspaceId: WorkspaceId; seq: number; before: number; limit: number }>()((q, arg) =>
    q
      .deleteFrom('events')
      .where('workspace_id', '=', arg('workspaceId'))
      .where('seq', 'in', (e) =>
        e
          .selectFrom('events')
          .select('seq')
          .where('workspace_id', '=', arg('workspaceId'))
          .where('seq', '<=', arg('seq'))
          .where('at', '<', arg('before'))
          .orderBy('seq')
          .limit(arg('limit')),
      ),
  ),
} as const;
