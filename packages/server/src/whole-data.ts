import { join } from 'node:path';
import { openDiskBlockStore } from './adapters/disk/block-store.ts';
import { isThere } from './backup/durable-file.ts';
import { IDENTITY, METADATA } from './backup/take-backup.ts';
import type { Config } from './config.ts';

/** What of a server's data was there before it was opened. The first start makes them in this order. */
export interface DataParts {
  readonly metadata: boolean;
  readonly wrappingKey: boolean;
  readonly dataKeys: boolean;
  readonly identity: boolean;
}

/**
 * A part that is missing (a folder that is not mounted, say) is not made anew beside the others: with an empty database
 * all that is stored would belong to nothing and be collected in time, and with a new data key no device is signed in.
 * @throws Error with a sentence for the operator; nothing has been made then
 */
export async function expectWholeData({
  data,
  'key-file': keyFile,
}: Pick<Config, 'data' | 'key-file'>): Promise<DataParts> {
  const metadata = join(data, 'meta', METADATA);
  const parts = {
    metadata: await isThere(metadata),
    wrappingKey: await isThere(keyFile),
    dataKeys: await hasDataKeys(join(data, 'blocks')),
    identity: await isThere(join(data, IDENTITY)),
  };
  if (!parts.metadata && (parts.dataKeys || parts.identity)) throw missing(metadata, data);
  if (!parts.wrappingKey && parts.dataKeys)
    throw new Error(
      `The wrapping key ${keyFile} is missing, and ${data} is encrypted under it; put its backup in place`,
    );
  return parts;
}

/** What has accounts has been started to the end before. @throws Error as above */
export function expectAllOfUsed(parts: DataParts, data: string): void {
  if (!parts.dataKeys) throw missing(join(data, 'blocks'), data);
  if (!parts.identity) throw missing(join(data, IDENTITY), data);
}

function missing(path: string, data: string): Error {
  return new Error(
    `${path} is missing, and the rest of ${data} belongs to it. Mount it or put it back, or restore a backup into an empty folder`,
  );
}

async function hasDataKeys(folder: string): Promise<boolean> {
  if (!(await isThere(folder))) return false;
  const store = await openDiskBlockStore(folder);
  for await (const { key } of store.list('keys/')) return key !== undefined;
  return false;
}
