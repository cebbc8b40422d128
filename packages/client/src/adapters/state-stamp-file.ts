import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { CLIENT_FOLDER } from '@satchel/protocol/names.ts';
import type { StateStamps } from '../ports/state-stamps.ts';

/** The stamps in the client's own folder of the synced one, so that a copy of the database alone does not take them along. */
export function createStateStampFile(root: string): StateStamps {
  const folder = join(root, CLIENT_FOLDER);
  const path = join(folder, 'state.json');
  return {
    read() {
      try {
        const found: unknown = JSON.parse(readFileSync(path, 'utf8'));
        if (!Array.isArray(found)) return undefined;
        return found.filter((each) => typeof each === 'string');
      } catch (error) {
        const isAbsent = error instanceof Error && 'code' in error && error.code === 'ENOENT';
        if (isAbsent || error instanceof SyntaxError) return undefined;
        throw error;
      }
    },
    write(stamps) {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      const draft = `${path}.new`;
      writeFlushed(draft, `${JSON.stringify(stamps)}\n`);
      renameSync(draft, path);
      flush(folder);
    },
  };
}

function writeFlushed(path: string, text: string): void {
  const file = openSync(path, 'w', 0o600);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function flush(folder: string): void {
  if (process.platform === 'win32') return; // Windows opens no folder for it and orders its metadata itself.
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
