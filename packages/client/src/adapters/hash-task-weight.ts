import { statSync } from 'node:fs';
import type { Task } from './hash-messages.ts';

/** Work up to this size takes less time than starting a thread or waiting for one: it is done on the spot. */
const ON_THE_SPOT_BYTES = 64 * 1024;
const ON_THE_SPOT_ITEMS = 8;

const sum = (sizes: readonly number[]): number => sizes.reduce((total, size) => total + size, 0);

/** Bytes that a task handles, as far as that is known, to share the work out. */
export function weightOf(task: Task): number {
  switch (task.kind) {
    case 'scan':
      return 1 + sum(task.files.map(({ base }) => 1024 + sum((base ?? []).map(({ size }) => size))));
    case 'stream':
      return 64 * 1024 * 1024;
    case 'encodeBatch':
      return 1 + sum(task.sources.map(({ size }) => size));
    case 'encodeChunk':
    case 'prove':
      return task.source.size;
    case 'stand':
      return 1 + sum(task.chunks.map(({ size }) => size));
    case 'sign':
      return 1 + 4 * sum(task.chunks.map(({ size }) => size));
    case 'copyLocal':
      return 1 + sum(task.copies.map(({ size }) => size));
    case 'decode':
      return 1 + sum(task.wanted.map(({ size, base }) => size + (base?.size ?? 0)));
  }
}

/** Whether it is done sooner on the control thread than handed to another. */
export function isTiny(task: Task): boolean {
  if (task.kind === 'stream') return false;
  if (task.kind !== 'scan') return itemsOf(task) <= ON_THE_SPOT_ITEMS && weightOf(task) <= ON_THE_SPOT_BYTES;
  if (task.files.length > ON_THE_SPOT_ITEMS) return false;
  return sum(task.files.map(({ path }) => sizeOnDisk(path))) <= ON_THE_SPOT_BYTES;
}

function itemsOf(task: Exclude<Task, { kind: 'stream' | 'scan' }>): number {
  if (task.kind === 'encodeBatch') return task.sources.length;
  if (task.kind === 'copyLocal') return task.copies.length;
  if (task.kind === 'decode') return task.wanted.length;
  return task.kind === 'sign' || task.kind === 'stand' ? task.chunks.length : 1;
}

function sizeOnDisk(path: string): number {
  try {
    return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  } catch {
    return 0; // what is wrong with it is told by the scan
  }
}
