import type { WorkspaceId } from '@satchel/protocol/ids.ts';
import { MEMBERS } from '../member-statements.ts';
import { OBJECTS } from '../object-statements.ts';
import type { MetaParts } from '../parts.ts';
import { DIRECTORY, readerOf, shardOfWorkspace } from '../shards.ts';
import type { Examination } from './doctor.ts';

/** Whether a workspace has its one owner, and each member of a shared one a live mount. */
export async function checkMembers(
  parts: MetaParts,
  workspaceId: WorkspaceId,
  examination: Examination,
): Promise<void> {
  await parts.database.read(DIRECTORY, async (reader) => {
    const members = await reader.all(MEMBERS.ofWorkspace, { workspaceId });
    if (members.filter((member) => member.role === 'owner').length !== 1)
      examination.note({ code: 'owner_missing', workspaceId, detail: 'It has not exactly one owner.' });
    for (const { mount_id: mountId, user_id: userId, email } of members) {
      if (mountId === null) continue;
      const personal = await reader.first(MEMBERS.personal, { userId });
      const shard = personal === undefined ? DIRECTORY : await shardOfWorkspace(parts, personal.workspace_id);
      const mount = await readerOf(parts.database, shard, { shard: DIRECTORY, tx: reader }).first(OBJECTS.byId, {
        objectId: mountId,
      });
      if (mount?.deleted_at !== null || mount.mounts !== workspaceId)
        examination.note({
          code: 'mount_missing',
          workspaceId,
          objectId: mountId,
          detail: `${email} has no mount for it.`,
        });
    }
  });
}
