import type { Chance } from './chance.ts';
import type { SimDevice } from './device.ts';
import type { Inode } from './disk.ts';
import type { Ledger } from './ledger.ts';
import type { Modes } from './modes.ts';
import type { UserActKind } from './users.ts';

/** Of two chunks and more. */
const LONG_BYTES = 300_000;
const NAMES = ['a', 'b', 'c', 'd', 'Report.txt', 'x.md', 'new', 'old'];
/** Composed and taken apart (H45). */
const BOTH_FORMS = ['a', 'b', '\u00e9', 'e\u0301', '\ud55c', '\u1112\u1161\u11ab', '\u00e9.txt', 'e\u0301.txt'];

/** A file that a program holds open. */
export interface Handle {
  readonly device: SimDevice;
  readonly inode: Inode;
}

/** The same in a whole history. */
export interface Habits {
  readonly reusesInodes: boolean;
  readonly hasLongFiles: boolean;
  readonly modes: Pick<Modes, 'hasBothForms'>;
}

export interface Tools {
  readonly chance: Chance;
  readonly ledger: Ledger;
  readonly handles: Handle[];
  readonly habits: Habits;
}

/** Each method does one act and tells on what; undefined: there was nothing to do it on. */
export class Doing implements Record<UserActKind, () => string | undefined> {
  readonly #device: SimDevice;
  readonly #tools: Tools;

  constructor(device: SimDevice, tools: Tools) {
    this.#device = device;
    this.#tools = tools;
  }

  get #disk() {
    return this.#device.disk;
  }

  #all(type?: Inode['type']): (readonly [string, Inode])[] {
    return [...this.#disk.walk()].filter(
      ([path, inode]) =>
        path !== '.satchel' && !path.startsWith('.satchel/') && (type === undefined || inode.type === type),
    );
  }

  #pick(type?: Inode['type']): readonly [string, Inode] | undefined {
    const all = this.#all(type);
    return all.length === 0 ? undefined : this.#tools.chance.pick(all);
  }

  #folder(): string {
    const { chance } = this.#tools;
    const folder = chance.happens(0.3) ? undefined : this.#pick('folder');
    return folder === undefined ? '' : folder[0];
  }

  #newPath(folder = this.#folder()): string {
    const { chance, habits } = this.#tools;
    const name = chance.pick(habits.modes.hasBothForms ? BOTH_FORMS : NAMES);
    return folder === '' ? name : `${folder}/${name}`;
  }

  #freePath(folder?: string): string | undefined {
    for (let tries = 0; tries < 6; tries++) {
      const path = this.#newPath(folder);
      if (this.#disk.find(path) === undefined) return path;
    }
    return undefined;
  }

  #text(): Buffer {
    const { chance, ledger, habits } = this.#tools;
    const text = ledger.fresh();
    if (habits.hasLongFiles && chance.happens(0.15))
      return Buffer.from(text.padEnd(LONG_BYTES + chance.below(LONG_BYTES), text));
    // Mostly of one length, so that edits of the same size are common (H3).
    return Buffer.from(text.padEnd(chance.happens(0.8) ? 12 : 12 + chance.below(600), '.'));
  }

  #write(inode: Inode, data: Buffer, options: { closed?: boolean } = {}): void {
    if (inode.data.length > 0) this.#tools.ledger.letGo(inode.data);
    if (data.length > 0) this.#tools.ledger.wrote(data);
    else this.#tools.ledger.excuse(data);
    this.#disk.write(inode, data, options);
  }

  #newFile(path: string, data: Buffer): void {
    const inode = this.#disk.create(path, 'file');
    this.#write(inode, data);
  }

  #gone(inode: Inode): void {
    if (inode.type === 'file' && inode.links === 0) {
      if (this.#tools.handles.some((handle) => handle.inode === inode)) return;
      this.#tools.ledger.letGo(inode.data);
    }
    if (this.#tools.habits.reusesInodes && this.#tools.chance.happens(0.7)) this.#disk.reuse(inode.ino);
  }

  #unlink(path: string): void {
    const inode = this.#disk.find(path);
    if (inode === undefined) return;
    this.#disk.unlink(path);
    if (inode.type === 'file') this.#tools.ledger.letGo(inode.data);
    this.#gone(inode);
  }

  #rename(from: string, to: string): void {
    const old = this.#disk.find(to);
    this.#disk.rename(from, to);
    if (old === undefined || old === this.#disk.find(to)) return;
    if (old.type === 'file') this.#tools.ledger.letGo(old.data);
    this.#gone(old);
  }

  create() {
    const path = this.#freePath();
    if (path === undefined) return undefined;
    const data = this.#text();
    this.#newFile(path, data);
    return `${path} ${data.toString().slice(0, 8)}`;
  }

  sameContent() {
    const path = this.#freePath();
    if (path === undefined) return undefined;
    const data = Buffer.from(this.#tools.chance.pick(['alike 1', 'alike 2', '']));
    this.#tools.ledger.excuse(data);
    this.#newFile(path, data);
    return `${path} ${data.toString()}`;
  }

  edit() {
    const found = this.#pick('file');
    if (found === undefined) return undefined;
    const data = this.#text();
    this.#write(found[1], data);
    return `${found[0]} ${data.toString().slice(0, 8)}`;
  }

  append() {
    const found = this.#pick('file');
    if (found === undefined) return undefined;
    this.#write(found[1], Buffer.concat([found[1].data, this.#text()]));
    return found[0];
  }

  truncate() {
    const found = this.#pick('file');
    if (found === undefined) return undefined;
    this.#write(found[1], Buffer.alloc(0));
    if (this.#tools.chance.happens(0.7)) this.#write(found[1], this.#text());
    return found[0];
  }

  touch() {
    const found = this.#pick('file');
    if (found === undefined) return undefined;
    this.#disk.setTimes(found[1], BigInt(Math.floor(this.#tools.chance.between(-1e6, 2e9))) * 1_000_000_000n);
    return found[0];
  }

  /** As editors save: a temporary file beside it, renamed over it. */
  replaceSave() {
    const found = this.#pick('file');
    if (found === undefined) return undefined;
    const temporary = `${found[0]}.tmp${this.#tools.chance.below(100)}`;
    if (this.#disk.find(temporary) !== undefined) return undefined;
    this.#newFile(temporary, this.#text());
    this.#rename(temporary, found[0]);
    return found[0];
  }

  backupSave() {
    const found = this.#pick('file');
    if (found === undefined) return undefined;
    const [path, { mode }] = found;
    const backup = `${path}~`;
    if (this.#disk.find(backup)?.type === 'folder') return undefined;
    this.#tools.ledger.copied(found[1].data);
    this.#rename(path, backup);
    this.#newFile(path, this.#text());
    this.#disk.chmod(path, mode);
    if (this.#tools.chance.happens(0.7)) this.#unlink(backup);
    return path;
  }

  rename() {
    const found = this.#pick();
    if (found === undefined) return undefined;
    const [path] = found;
    const to = this.#freePath(path.slice(0, Math.max(0, path.lastIndexOf('/'))));
    if (to === undefined) return undefined;
    this.#rename(path, to);
    return `${path} -> ${to}`;
  }

  move() {
    const found = this.#pick();
    const to = this.#freePath();
    if (found === undefined || to === undefined) return undefined;
    this.#rename(found[0], to);
    return `${found[0]} -> ${to}`;
  }

  moveFolder() {
    const found = this.#pick('folder');
    const to = this.#freePath();
    if (found === undefined || to === undefined) return undefined;
    this.#rename(found[0], to);
    return `${found[0]} -> ${to}`;
  }

  moveOver() {
    const [from, to] = [this.#pick('file'), this.#pick('file')];
    if (from === undefined || to === undefined || from[1] === to[1]) return undefined;
    this.#rename(from[0], to[0]);
    return `${from[0]} -> ${to[0]}`;
  }

  swap() {
    const [one, two] = [this.#pick(), this.#pick()];
    if (one === undefined || two === undefined || one[1] === two[1]) return undefined;
    if (`${one[0]}/`.startsWith(`${two[0]}/`) || `${two[0]}/`.startsWith(`${one[0]}/`)) return undefined;
    const aside = `swap${this.#tools.chance.below(1000)}`;
    this.#rename(one[0], aside);
    this.#rename(two[0], one[0]);
    this.#rename(aside, two[0]);
    return `${one[0]} <-> ${two[0]}`;
  }

  renameRecreate() {
    const found = this.#pick('file');
    const to = this.#freePath();
    if (found === undefined || to === undefined) return undefined;
    this.#rename(found[0], to);
    this.#newFile(found[0], this.#text());
    return `${found[0]} -> ${to}`;
  }

  caseRename() {
    const found = this.#pick();
    if (found === undefined) return undefined;
    const cut = found[0].lastIndexOf('/') + 1;
    const name = found[0].slice(cut);
    const other = name === name.toUpperCase() ? name.toLowerCase() : name.toUpperCase();
    const to = found[0].slice(0, cut) + other;
    if (this.#disk.find(to) !== undefined) return undefined;
    this.#rename(found[0], to);
    return `${found[0]} -> ${to}`;
  }

  delete() {
    const found = this.#pick('file') ?? this.#pick('symlink');
    if (found === undefined) return undefined;
    this.#unlink(found[0]);
    return found[0];
  }

  mkdir() {
    const path = this.#freePath();
    if (path === undefined) return undefined;
    this.#disk.create(path, 'folder');
    return path;
  }

  mkTree() {
    let path = this.#freePath();
    const first = path;
    for (let depth = 0; depth < 3 && path !== undefined; depth++) {
      this.#disk.create(path, 'folder');
      const file = this.#freePath(path);
      if (file !== undefined) this.#newFile(file, this.#text());
      path = this.#freePath(path);
    }
    return first;
  }

  rmTree() {
    const found = this.#pick('folder');
    if (found === undefined) return undefined;
    this.#removeTree(found[0]);
    return found[0];
  }

  #removeTree(path: string): void {
    const inode = this.#disk.find(path)!;
    for (const name of Array.from(inode.entries.keys())) {
      const below = `${path}/${name}`;
      if (this.#disk.find(below)?.type === 'folder') this.#removeTree(below);
      else this.#unlink(below);
    }
    this.#disk.rmdir(path);
    this.#gone(inode);
  }

  chmod() {
    const found = this.#pick('file');
    if (found === undefined) return undefined;
    this.#disk.chmod(found[0], found[1].mode ^ 0o111);
    return found[0];
  }

  symlink() {
    const path = this.#freePath();
    if (path === undefined) return undefined;
    this.#disk.create(path, 'symlink', this.#tools.chance.pick(NAMES));
    return path;
  }

  typeChange() {
    const found = this.#pick();
    if (found === undefined) return undefined;
    const [path, { type }] = found;
    if (type === 'folder') {
      this.#removeTree(path);
      this.#newFile(path, this.#text());
    } else {
      this.#unlink(path);
      if (this.#tools.chance.happens(0.7)) this.#disk.create(path, 'folder');
      else this.#disk.create(path, 'symlink', 'a');
    }
    return path;
  }

  /** A program opens a file and keeps it open. */
  hold() {
    const found = this.#pick('file');
    if (found === undefined) return undefined;
    this.#tools.handles.push({ device: this.#device, inode: found[1] });
    return found[0];
  }

  /** It writes, wherever the file lies by now; one that has been deleted is the program's own loss. */
  holdWrite() {
    const handle = this.#tools.handles.find(({ device }) => device === this.#device);
    if (handle === undefined) return undefined;
    const { inode } = handle;
    // A download that was cut off may leave a second name in the staging folder: no name of the user's.
    const names = [...this.#disk.walk()].filter(([, found]) => found === inode);
    if (names.every(([path]) => path.startsWith('.satchel/staging/part/'))) return undefined;
    this.#write(inode, this.#tools.chance.happens(0.5) ? this.#text() : Buffer.concat([inode.data, this.#text()]), {
      closed: false,
    });
    return this.#disk.pathOf(inode) ?? '(unlinked)';
  }

  release() {
    const at = this.#tools.handles.findIndex(({ device }) => device === this.#device);
    if (at < 0) return undefined;
    const [handle] = this.#tools.handles.splice(at, 1);
    this.#disk.closed(handle!.inode);
    return this.#disk.pathOf(handle!.inode) ?? '(unlinked)';
  }
}
