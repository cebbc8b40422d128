import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What tells one transfer of a folder from another. */
export interface FolderTransfer {
  readonly command: 'put' | 'get';
  readonly userId: string;
  /** Absolute. */
  readonly local: string;
  /** From the top of the drive. */
  readonly remote: string;
}

/**
 * Whether a transfer of a folder was begun and has not ended. A target that does not exist becomes the copy, and one
 * that does gets the copy inside: without this note the same command, given again after an interruption, would take
 * what it had made itself for such a target and begin anew in it.
 */
export interface Unfinished {
  readonly wasBegun: boolean;
  begin(): void;
  end(): void;
}

export function unfinishedTransfer(home: string, { command, userId, local, remote }: FolderTransfer): Unfinished {
  const name = createHash('sha256')
    .update(JSON.stringify([command, userId, local, remote]))
    .digest('hex');
  const folder = join(home, 'unfinished');
  const note = join(folder, name);
  return {
    wasBegun: existsSync(note),
    begin() {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      writeFileSync(note, '', { mode: 0o600 });
    },
    end: () => rmSync(note, { force: true }),
  };
}
