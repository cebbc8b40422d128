/** What users do to a register: each deed notes what was there in that very moment. */
import { existsSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { type Random } from '../support/random.ts';
import { type Book, type Register } from './book.ts';
import { type Hand } from './hand.ts';
import { type Value } from './registers.ts';

/** All of one size: an edit is one write. */
const CONTENT_BYTES = 24;

export type RegisterDeed = {
  readonly hand: Hand;
  readonly book: Book;
  readonly random: Random;
  readonly register: Register;
};

/** Creates it where it is not; else edits, saves by replacing, removes or reads it. What was done, in words. */
export function registerDeed(deed: RegisterDeed): string {
  const { hand, random, register } = deed;
  try {
    if (!existsSync(hand.at(register.path))) return create(deed);
    const how = random.pick(['edit', 'edit', 'save', 'remove', 'read'] as const);
    return how === 'read' ? read(deed) : how === 'remove' ? remove(deed) : write(deed, how);
  } catch (error) {
    // A full disk may have left anything there.
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') register.isUnsure = true;
    throw error;
  }
}

function create(deed: RegisterDeed): string {
  const { hand, book, register } = deed;
  const bytes = fresh(deed);
  hand.create(register.path, bytes);
  const empty = book.nameOf('');
  changed(deed, undefined, empty);
  changed(deed, empty, book.nameOf(bytes));
  return `${register.path} ${book.nameOf(bytes)}`;
}

function write(deed: RegisterDeed, how: 'edit' | 'save'): string {
  const { hand, book, random, register } = deed;
  const { path } = register;
  const bytes = fresh(deed);
  const temporary = `.${basename(path)}.${random.below(1e6)}`;
  const had = how === 'edit' ? hand.overwrite(path, bytes) : hand.replace(path, bytes, temporary);
  if (had === undefined) register.isUnsure = true;
  else changed(deed, book.nameOf(had), book.nameOf(bytes));
  return `${how} ${path} ${book.nameOf(bytes)}`;
}

function remove(deed: RegisterDeed): string {
  const { hand, book, register } = deed;
  const had = hand.removeSeen(register.path);
  if (had === undefined) register.isUnsure = true;
  else changed(deed, book.nameOf(had), undefined);
  return `remove ${register.path}`;
}

function read({ hand, book, register }: RegisterDeed): string {
  const has = book.nameOf(readFileSync(hand.at(register.path)));
  register.events.push({ kind: 'read', device: hand.device, had: has, has });
  return `read ${register.path} ${has}`;
}

function changed({ hand, register }: RegisterDeed, had: Value, has: Value): void {
  register.events.push({ kind: 'write', device: hand.device, had, has });
}

function fresh({ hand, book }: RegisterDeed): Buffer {
  return Buffer.from(book.fresh(hand.device).padEnd(CONTENT_BYTES, '.'));
}
