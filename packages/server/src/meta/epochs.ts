import type { Random } from '../ports/clock.ts';
import { eachWorkspace } from './each-workspace.ts';
import type { MetaParts } from './parts.ts';
import { WORKSPACES } from './workspace-statements.ts';

/** Length of an epoch; what follows it in the first part of a cursor is how far a first listing had to go. */
export const EPOCH_LENGTH = 12;
const ALPHABET = '0123456789abcdefghijklmnopqrstuv';

/** Twelve characters [0-9a-v], 60 bits of chance. */
export function freshEpoch(random: Random): string {
  return Array.from(random.bytes(EPOCH_LENGTH), (byte) => ALPHABET.charAt(byte % 32)).join('');
}

/**
 * Gives every workspace a new epoch (S10): to be called after the database was restored from a backup, while nobody
 * is served. Every cursor from before has then expired, and clients merge by content. Returns the number of workspaces.
 */
export async function renewEpochs({ database, random }: Pick<MetaParts, 'database' | 'random'>): Promise<number> {
  let count = 0;
  for await (const { shard, workspaceId } of eachWorkspace(database)) {
    await database.transact(shard, async (tx) =>
      tx.run(WORKSPACES.setEpoch, { workspaceId, epoch: freshEpoch(random) }),
    );
    count++;
  }
  return count;
}
