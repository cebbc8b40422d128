/** What users do, drawn by seed: one deed is a few system calls in the folder of one device. */
import { existsSync, lstatSync, readFileSync, statSync, utimesSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { seededRandom, type Random } from '../support/random.ts';
import { type Book } from './book.ts';
import { type Hand, type HeldFile } from './hand.ts';
import { registerDeed } from './register-deeds.ts';
import { lookInto, REGISTERS, type View } from './view.ts';

const MEBIBYTE = 1 << 20;

export type DeedKind = keyof typeof WEIGHTS;
const WEIGHTS = {
  create: 6,
  edit: 8,
  append: 3,
  truncate: 2,
  atomicSave: 6,
  backupSave: 2,
  restoreTime: 2,
  rename: 5,
  move: 6,
  moveFolder: 3,
  swap: 3,
  swapAtOnce: 1,
  remove: 5,
  removeTree: 2,
  takeOut: 2,
  makeFolder: 3,
  makeTree: 2,
  copy: 3,
  touch: 2,
  executable: 2,
  link: 2,
  caseRename: 2,
  typeChange: 3,
  busyRename: 2,
  renameRecreate: 2,
  hold: 2,
  holdWrite: 3,
  release: 2,
  large: 0,
  largeEdit: 0,
  register: 12,
} as const;

export const DEED_KINDS: readonly DeedKind[] = (Object.keys(WEIGHTS) as DeedKind[]).flatMap((kind) =>
  Array.from({ length: WEIGHTS[kind] }, () => kind),
);

/** Deeds of one user in a sub-folder of the synced folder. Each says what it did; undefined: there was nothing to do it to. */
export class Deeds {
  readonly #hand: Hand;
  readonly #book: Book;
  #random: Random = seededRandom(0);
  readonly #base: string;
  readonly #held: HeldFile[] = [];

  constructor(hand: Hand, book: Book, base: string) {
    this.#hand = hand;
    this.#book = book;
    this.#base = base;
  }

  /** `lot` chooses paths, names and the like. What it did, or why it could not: the client changes the folder at the same time. */
  async act(kind: DeedKind, lot: number): Promise<string> {
    this.#random = seededRandom(lot);
    try {
      if (!existsSync(this.#hand.at(this.#base))) this.#hand.makeFolder(this.#base);
      return `${kind} ${(await this[kind]()) ?? '–'}`;
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? '';
      const isLate = ['ENOENT', 'ENOTDIR', 'EISDIR', 'EEXIST', 'ENOTEMPTY', 'EINVAL', 'ENOSPC', 'ELOOP', 'EBUSY'];
      if (isLate.includes(code)) return `${kind} too late (${code})`;
      throw error;
    }
  }

  releaseAll(): void {
    for (const file of this.#held.splice(0)) file.close();
  }

  async create() {
    const path = this.#view().free();
    if (path === undefined) return undefined;
    const bytes = this.#text();
    if (this.#random.below(4) === 0) await this.#hand.moveIn(path, bytes);
    else this.#hand.create(path, bytes);
    return this.#told(path, bytes);
  }

  edit() {
    const path = this.#view().pick('file');
    if (path === undefined) return undefined;
    const bytes = this.#text(statSync(this.#hand.at(path)).size);
    this.#hand.overwrite(path, bytes);
    return this.#told(path, bytes);
  }

  append() {
    const path = this.#view().pick('file');
    if (path === undefined) return undefined;
    const bytes = this.#text();
    this.#hand.patch(path, (old) => ({ offset: old.length, bytes }));
    return path;
  }

  truncate() {
    const path = this.#view().pick('file');
    if (path === undefined) return undefined;
    const size = this.#random.below(3) === 0 ? 0 : this.#random.below(statSync(this.#hand.at(path)).size + 1);
    this.#hand.truncate(path, size);
    if (this.#random.below(2) === 0) this.#hand.overwrite(path, this.#text());
    return `${path} to ${size}`;
  }

  atomicSave() {
    const path = this.#view().pick('file');
    if (path === undefined) return undefined;
    const bytes = this.#text();
    const name = basename(path);
    const temporary = this.#random.pick([`.${name}.${this.#random.below(1e6)}`, `${name}.tmp`, `.${name}.swx`]);
    this.#hand.replace(path, bytes, temporary);
    return this.#told(path, bytes);
  }

  async backupSave() {
    const path = this.#view().pick('file');
    if (path === undefined) return undefined;
    const bytes = this.#text();
    if (!(await this.#hand.move(path, `${path}~`))) return undefined;
    this.#hand.create(path, bytes);
    if (this.#random.below(3) > 0) this.#hand.remove(`${path}~`);
    return this.#told(path, bytes);
  }

  /** An edit of the same size whose modification time is put back (H4). */
  restoreTime() {
    const path = this.#view().pick('file');
    if (path === undefined) return undefined;
    const { atime, mtime, size } = statSync(this.#hand.at(path));
    const bytes = this.#text(size);
    this.#hand.overwrite(path, bytes);
    utimesSync(this.#hand.at(path), atime, mtime);
    return this.#told(path, bytes);
  }

  async rename() {
    const path = this.#view().pick();
    const to = path === undefined ? undefined : this.#view().free(dirname(path));
    if (path === undefined || to === undefined) return undefined;
    return `${path} -> ${to} ${await this.#hand.move(path, to)}`;
  }

  async move() {
    const [path, to] = [this.#view().pick(), this.#view().free()];
    if (path === undefined || to === undefined || `${to}/`.startsWith(`${path}/`)) return undefined;
    return `${path} -> ${to} ${await this.#hand.move(path, to)}`;
  }

  async moveFolder() {
    const [path, to] = [this.#view().pick('folder'), this.#view().free()];
    if (path === undefined || to === undefined || `${to}/`.startsWith(`${path}/`)) return undefined;
    return `${path} -> ${to} ${await this.#hand.move(path, to)}`;
  }

  /** By way of a third name. */
  async swap() {
    const pair = this.#view().pair();
    if (pair === undefined) return undefined;
    const [one, other] = pair;
    const aside = `${this.#base}/swap-${this.#random.below(1000)}`;
    const did = [
      await this.#hand.move(one, aside),
      await this.#hand.move(other, one),
      await this.#hand.move(aside, other),
    ];
    return `${one} <-> ${other} ${did.join()}`;
  }

  swapAtOnce() {
    const pair = this.#view().pair();
    if (pair === undefined) return undefined;
    this.#hand.exchange(...pair);
    return pair.join(' <-> ');
  }

  remove() {
    const path = this.#view().pick('file') ?? this.#view().pick('link');
    if (path === undefined) return undefined;
    this.#hand.remove(path);
    return path;
  }

  removeTree() {
    const path = this.#view().pick('folder');
    if (path === undefined) return undefined;
    this.#hand.remove(path);
    return path;
  }

  takeOut() {
    const path = this.#view().pick();
    if (path === undefined) return undefined;
    this.#hand.takeOut(path);
    return path;
  }

  makeFolder() {
    const path = this.#view().free();
    if (path === undefined) return undefined;
    this.#hand.makeFolder(path);
    return path;
  }

  makeTree() {
    let folder = this.#view().free();
    const first = folder;
    for (let depth = 0; depth < 3 && folder !== undefined; depth++) {
      this.#hand.makeFolder(folder);
      const file = this.#view().free(folder);
      if (file !== undefined) this.#hand.create(file, this.#text());
      folder = this.#view().free(folder);
    }
    return first;
  }

  copy() {
    const [path, to] = [this.#view().pick('file'), this.#view().free()];
    if (path === undefined || to === undefined) return undefined;
    this.#hand.create(to, readFileSync(this.#hand.at(path)));
    return `${path} => ${to}`;
  }

  touch() {
    const path = this.#view().pick('file');
    if (path === undefined) return undefined;
    this.#hand.touch(path, this.#random.pick([-1e6, 0, 1e9, 1_700_000_000, 4e9]) + this.#random.below(1e6));
    return path;
  }

  executable() {
    const path = this.#view().pick('file');
    if (path === undefined) return undefined;
    this.#hand.flipExecutable(path);
    return path;
  }

  link() {
    const path = this.#view().free();
    if (path === undefined) return undefined;
    const target = `nowhere/${this.#book.fresh(this.#hand.device)}`;
    this.#hand.link(path, target);
    return `${path} ${target}`;
  }

  async caseRename() {
    const path = this.#view().pick();
    if (path === undefined) return undefined;
    const name = basename(path);
    const to = join(dirname(path), name === name.toUpperCase() ? name.toLowerCase() : name.toUpperCase());
    if (to === path || this.#view().isTaken(to)) return undefined;
    return `${path} -> ${to} ${await this.#hand.move(path, to)}`;
  }

  typeChange() {
    const path = this.#view().pick();
    if (path === undefined) return undefined;
    const wasFolder = lstatSync(this.#hand.at(path)).isDirectory();
    this.#hand.remove(path);
    if (wasFolder) this.#hand.create(path, this.#text());
    else {
      this.#hand.makeFolder(path);
      if (this.#random.below(2) === 0) this.#hand.create(`${path}/a`, this.#text());
    }
    return `${path} ${wasFolder ? 'folder to file' : 'to folder'}`;
  }

  /** A folder is renamed while a program writes files in it. */
  async busyRename() {
    const [path, to] = [this.#view().pick('folder'), this.#view().free()];
    if (path === undefined || to === undefined || `${to}/`.startsWith(`${path}/`)) return undefined;
    const [before, within] = [this.#view().free(path), this.#view().pick('file', path)];
    if (before !== undefined) this.#hand.create(before, this.#text());
    const file = within === undefined ? undefined : this.#hand.hold(within);
    file?.write(this.#text());
    const did = await this.#hand.move(path, to);
    file?.write(this.#text());
    file?.close();
    const after = did ? this.#view().free(to) : undefined;
    if (after !== undefined) this.#hand.create(after, this.#text());
    return `${path} -> ${to} ${did}`;
  }

  async renameRecreate() {
    const [path, to] = [this.#view().pick('file'), this.#view().free()];
    if (path === undefined || to === undefined) return undefined;
    const did = await this.#hand.move(path, to);
    if (did) this.#hand.create(path, this.#text());
    return `${path} -> ${to} ${did}`;
  }

  hold() {
    const path = this.#view().pick('file');
    if (path === undefined) return undefined;
    this.#held.push(this.#hand.hold(path));
    return path;
  }

  holdWrite() {
    const file = this.#held[0];
    const bytes = this.#text();
    return file === undefined ? undefined : `${file.path} ${file.write(bytes)} ${this.#told('', bytes)}`;
  }

  release() {
    const file = this.#held.shift();
    file?.close();
    return file?.path;
  }

  large() {
    const path = this.#view().free();
    if (path === undefined) return undefined;
    const size = 5 * MEBIBYTE + this.#random.below(15 * MEBIBYTE);
    const bytes = Buffer.concat([this.#text(), this.#random.bytes(size)]);
    this.#hand.create(path, bytes);
    return this.#told(path, bytes);
  }

  largeEdit() {
    const path = this.#view()
      .all()
      .find(({ kind, sizeBytes }) => kind === 'file' && sizeBytes > MEBIBYTE)?.path;
    if (path === undefined) return this.large();
    const text = this.#text();
    const isInsert = this.#random.below(4) === 0;
    this.#hand.patch(path, (old) =>
      isInsert
        ? { offset: 0, bytes: Buffer.concat([text, old]) }
        : { offset: this.#random.below(old.length), bytes: text },
    );
    return `${path} ${isInsert ? 'at its head' : 'in it'}`;
  }

  /** A deed of the kind that the register model knows. */
  register() {
    const register = this.#book.register(`${this.#base}/${this.#random.pick(REGISTERS)}`);
    return registerDeed({ hand: this.#hand, book: this.#book, random: this.#random, register });
  }

  #told(path: string, bytes: Uint8Array): string {
    return `${path} ${this.#book.nameOf(bytes)}`;
  }

  #view(): View {
    return lookInto(this.#hand.at, this.#base, this.#random);
  }

  /** Mostly of the size that was asked for, so that edits of the same size are common (H3). */
  #text(sizeBytes = 12): Buffer {
    const text = this.#book.fresh(this.#hand.device);
    const isSame = this.#random.below(5) > 0;
    return Buffer.from(text.padEnd(isSame ? Math.min(sizeBytes, 4000) : this.#random.below(3000), '.'));
  }
}
