import type { ObjectId, WorkspaceId } from '@satchel/protocol/ids.ts';
import { Violation } from '../checks.ts';
import type { SimDevice } from '../device.ts';
import type { Inode } from '../disk.ts';
import type { Ledger } from '../ledger.ts';
import type { SimAccount } from '../server.ts';
import type { Membership } from './members.ts';

const PRIVATE = 'private';
type Zone = WorkspaceId | typeof PRIVATE;

/**
 * Where people have put contents: in which shared folders each has ever lain on somebody's disk, and who was a member
 * then. What nobody has put into a shared folder must never be on the disk of somebody else.
 */
export class Whereabouts {
  readonly #ledger: Ledger;
  readonly #authors = new Map<string, SimAccount>();
  /** By content, of all disks together: more than one, and it may stand twice. */
  readonly #zones = new Map<string, Zone | 'several'>();
  readonly #shown = new Map<SimAccount, Set<string>>();
  /** Folders on disks that are, or once were, where a shared folder appears. */
  readonly #roots = new WeakMap<Inode, WorkspaceId>();
  readonly #mounts = new Map<ObjectId, WorkspaceId>();
  #memberships: readonly Membership[] = [];

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  get memberships(): readonly Membership[] {
    return this.#memberships;
  }

  /** Who is a member now has changed. */
  adopt(memberships: readonly Membership[], devices: readonly SimDevice[]): void {
    this.#memberships = memberships;
    for (const { mountId, workspaceId } of memberships) this.#mounts.set(mountId, workspaceId);
    for (const device of devices) this.look(device);
  }

  /** The folder, wherever it lies on this disk, is about to be shared with somebody: all that is in it is shown. */
  willBeShared(device: SimDevice, folderId: ObjectId, account: SimAccount): void {
    const folder = device.folderOf(folderId);
    if (folder === undefined) return;
    for (const [, inode] of device.disk.walk(folder)) if (inode.type === 'file') this.show(text(inode), account);
  }

  show(content: string, account: SimAccount): void {
    const shown = this.#shown.get(account) ?? new Set();
    this.#shown.set(account, shown.add(content));
  }

  /** A folder has become a shared one with this in it: that is no move across its border. */
  converted(content: string, workspaceId: WorkspaceId): void {
    if (this.#zones.get(content) === PRIVATE) this.#zones.set(content, workspaceId);
  }

  /** Notes where everything on a disk lies now: before and after whatever its user does. */
  look(device: SimDevice): void {
    const { account, disk } = device;
    for (const { mountId, workspaceId } of this.#memberships) this.#know(device, mountId, workspaceId);
    for (const [mountId, workspaceId] of this.#mounts) this.#know(device, mountId, workspaceId);
    const isMember = (id: WorkspaceId) =>
      this.#memberships.some((each) => each.account === account && each.workspaceId === id);
    const visit = (folder: Inode, zone: Zone | undefined): void => {
      for (const [name, inode] of folder.entries) {
        const root = this.#roots.get(inode);
        const within = folder === disk.root && name === '.satchel' ? undefined : zone;
        if (inode.type === 'folder') visit(inode, within === PRIVATE && root && isMember(root) ? root : within);
        else if (inode.type === 'file') this.#note(text(inode), within, account);
      }
    };
    visit(disk.root, PRIVATE);
  }

  #know(device: SimDevice, mountId: ObjectId, workspaceId: WorkspaceId): void {
    const folder = device.folderOf(mountId);
    if (folder !== undefined) this.#roots.set(folder, workspaceId);
  }

  #note(content: string, zone: Zone | undefined, account: SimAccount): void {
    if (!this.#authors.has(content)) this.#authors.set(content, account);
    if (zone === undefined) return;
    const known = this.#zones.get(content);
    this.#zones.set(content, known === undefined || known === zone ? zone : 'several');
    if (known !== undefined && known !== zone) this.#ledger.copied(Buffer.from(content, 'latin1'));
    for (const member of this.#memberships) if (member.workspaceId === zone) this.show(content, member.account);
  }

  /** The shared folders that stand on a disk, each once and none in another one. */
  areIntact(device: SimDevice): boolean {
    const own = this.#memberships.filter(({ account }) => account === device.account);
    const standing = new Set<Inode>();
    const visit = (folder: Inode, isWithin: boolean): void => {
      for (const inode of folder.entries.values()) {
        if (inode.type !== 'folder') continue;
        const isRoot = own.some(({ mountId }) => device.folderOf(mountId) === inode);
        if (isRoot && !isWithin) standing.add(inode);
        visit(inode, isWithin || isRoot);
      }
    };
    visit(device.disk.root, false);
    return standing.size === own.length;
  }

  /** Privacy: whatever lies on a disk is its user's own, or was once put into a folder shared with them. */
  check(devices: readonly SimDevice[]): void {
    for (const { name, account, disk } of devices) {
      for (const [path, inode] of disk.walk()) {
        if (inode.type !== 'file' || inode.data.length === 0) continue;
        const author = this.#authors.get(text(inode));
        const isKnown = author === undefined || author === account || this.#shown.get(account)?.has(text(inode));
        if (isKnown || this.#ledger.isExcused(inode.data)) continue;
        throw new Violation('privacy', `${text(inode).slice(0, 20)} of ${author.email} is at ${name}:${path}`);
      }
    }
  }
}

function text({ data }: Inode): string {
  return data.toString('latin1');
}
