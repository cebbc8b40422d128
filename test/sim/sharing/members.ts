import type { ObjectId, WorkspaceId } from '@satchel/protocol/ids.ts';
import type { Role } from '@satchel/protocol/accounts.ts';
import type { ObjectRecord } from '@satchel/protocol/objects.ts';
import { Violation } from '../checks.ts';
import type { SimAccount, SimServer } from '../server.ts';

export interface Membership {
  readonly account: SimAccount;
  readonly workspaceId: WorkspaceId;
  readonly mountId: ObjectId;
  readonly role: Role;
}

/** Who is a member of what, as the server has it now. */
export async function membershipsOf(server: SimServer): Promise<readonly Membership[]> {
  const found: Membership[] = [];
  for (const account of server.accounts) {
    const { shares } = await server.services!.meta.shares(server.callerOf(account));
    for (const { workspaceId, mountId, role } of shares) found.push({ account, workspaceId, mountId, role });
  }
  return found;
}

/**
 * All that an account sees, as one tree: what lies in a shared folder lies in its mount. Each shared folder must
 * appear, and no mount of one that the account is no member of (P7).
 */
export async function treeOf(server: SimServer, account: SimAccount): Promise<readonly ObjectRecord[]> {
  const { workspaces } = await server.services!.meta.workspaces(server.callerOf(account));
  const shared = new Map(
    workspaces.flatMap(({ workspaceId, kind, rootId }) => (kind === 'shared' ? [[workspaceId, rootId]] : [])),
  );
  const own = await server.listing(account, account.workspaceId);
  const all: ObjectRecord[] = [];
  for (const object of own) {
    if (object.kind !== 'mount') {
      all.push(object);
      continue;
    }
    all.push({ ...object, kind: 'folder' });
    const rootId = object.mounts === undefined ? undefined : shared.get(object.mounts);
    if (object.mounts === undefined || rootId === undefined)
      throw new Violation(
        'P7',
        `${account.email} has the mount ${object.name} of a folder that is not shared with them`,
      );
    shared.delete(object.mounts);
    for (const below of await server.listing(account, object.mounts))
      all.push({ ...below, parentId: below.parentId === rootId ? object.objectId : below.parentId });
  }
  if (shared.size > 0) throw new Violation('P7', `${account.email} does not see a folder that is shared with them`);
  return all;
}
