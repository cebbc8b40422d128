import { randomUUID } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

/** What `.satchel/root.json` says of a synced folder. */
export interface RootMarker {
  /** Random, made when the folder was linked. */
  readonly id: string;
  readonly deviceId: string;
}

/** The client's own folder in the synced one. */
const OWN_FOLDER = '.satchel';
export const rootLockOf = (root: string): string => join(root, OWN_FOLDER, 'daemon.lock');
const markerOf = (root: string): string => join(root, OWN_FOLDER, 'root.json');

export function newMarkerId(): string {
  return randomUUID();
}

/** Undefined where there is none; 'damaged' where it cannot be understood. */
export function readMarker(root: string): RootMarker | 'damaged' | undefined {
  let text: string;
  try {
    text = readFileSync(markerOf(root), 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
  try {
    const marker = JSON.parse(text) as Partial<RootMarker> | null;
    return typeof marker?.id === 'string' ? { id: marker.id, deviceId: String(marker.deviceId) } : 'damaged';
  } catch {
    return 'damaged';
  }
}

export function writeMarker(root: string, marker: RootMarker): void {
  mkdirSync(join(root, OWN_FOLDER), { recursive: true, mode: 0o700 });
  const draft = `${markerOf(root)}.${process.pid}`;
  const file = openSync(draft, 'w', 0o600);
  try {
    writeSync(file, `${JSON.stringify(marker)}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(draft, markerOf(root));
}

/** The local trash beside it stays. */
export function removeMarker(root: string): void {
  rmSync(markerOf(root), { force: true });
}

/** The synced folder that a path lies in, itself left out. */
export function linkedFolderAbove(path: string): string | undefined {
  for (let at = dirname(path); ; at = dirname(at)) {
    if (existsSync(markerOf(at))) return at;
    if (at === dirname(at)) return undefined;
  }
}
