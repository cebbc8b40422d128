import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type { BlockKey } from '../ports/block-store.ts';
import { BackupFault } from './fault.ts';

/**
 * `objects.sha256` of a snapshot: the storage objects that it needs, in the form of sha256sum, so that
 * `sha256sum -c` in the backup's folder checks them without Satchel. Ordered by `orderOf`.
 */
export interface ListedObject {
  readonly key: BlockKey;
  readonly sha256: string;
}

const LINE = /^([0-9a-f]{64}) {2}blocks\/objects\/([a-z0-9/]{1,128})$/;
const KEYS_PREFIX = 'keys/';
/** Written early, so that the list of a run that was cut off names nearly all it has copied. */
const WRITE_AT = 4096;

/** Data keys come first, since without them nothing else is of use; then by name. */
export function orderOf(key: BlockKey): string {
  return `${key.startsWith(KEYS_PREFIX) ? 0 : 1}${key}`;
}

/**
 * Reads a list.
 * @param options.cut whether the last lines may be missing or cut off: a list that was never finished
 * @throws BackupFault('backup_damaged')
 */
export async function* readObjectList(path: string, { cut = false } = {}): AsyncGenerator<ListedObject> {
  const lines = createInterface({ input: createReadStream(path), crlfDelay: Infinity });
  for await (const line of lines) {
    const [, sha256 = '', key = ''] = LINE.exec(line) ?? [];
    if (key === '') {
      if (cut) return;
      throw new BackupFault('backup_damaged', `${path} is damaged: ${JSON.stringify(line.slice(0, 80))} is no entry.`);
    }
    yield { key: key as BlockKey, sha256 };
  }
}

export interface ObjectListWriter extends AsyncDisposable {
  add(object: ListedObject): Promise<void>;
  /** Makes what was added durable. */
  finish(): Promise<void>;
}

export async function writeObjectList(path: string): Promise<ObjectListWriter> {
  const file = await open(path, 'w', 0o600);
  let pending = '';
  const flush = async (): Promise<void> => {
    const text = pending;
    pending = '';
    await file.writeFile(text);
  };
  return {
    add: async ({ key, sha256 }) => {
      pending += `${sha256}  blocks/objects/${key}\n`;
      if (pending.length >= WRITE_AT) await flush();
    },
    finish: async () => {
      await flush();
      await file.sync();
    },
    [Symbol.asyncDispose]: () => file.close(),
  };
}

/** Looks up ascending keys in an ordered list, reading it once. */
export function lookUpIn(list: AsyncIterator<ListedObject>): (key: BlockKey) => Promise<ListedObject | undefined> {
  let next: ListedObject | undefined;
  let ended = false;
  return async (key) => {
    const wanted = orderOf(key);
    while (!ended && (next === undefined || orderOf(next.key) < wanted)) {
      const step = await list.next();
      if (step.done === true) ended = true;
      else next = step.value;
    }
    return next?.key === key ? next : undefined;
  };
}
