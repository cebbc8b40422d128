import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Longest name of a Unix socket, with room: 108 bytes on Linux, 104 elsewhere. */
const LONGEST_NAME_BYTES = 100;

/** Where the daemon of a home listens. */
export function controlSocketOf(home: string): string {
  if (process.platform === 'win32') return `\\\\.\\pipe\\satchel-${nameOf(home)}`;
  const inside = join(home, 'daemon.sock');
  if (Buffer.byteLength(inside) <= LONGEST_NAME_BYTES) return inside;
  return join(process.env['XDG_RUNTIME_DIR'] || tmpdir(), `satchel-${nameOf(home)}.sock`);
}

function nameOf(home: string): string {
  return createHash('sha256').update(home).digest('hex').slice(0, 24);
}
