import { SIGNED_FILE_BYTES } from '@satchel/client/ports/hashing.ts';
import type { Chance } from './chance.ts';
import type { SimDevice } from './device.ts';
import type { Tools } from './doing.ts';
import type { LONG_ACTS } from './modes.ts';

/** Of two chunks at most. */
const LONGEST_BYTES = 300_000;
const MOST_FILES = 4;

/** What users do to files of which only small parts change. */
export function editLong(kind: (typeof LONG_ACTS)[number], device: SimDevice, tools: Tools): string | undefined {
  const { disk } = device;
  const { chance, ledger } = tools;
  const files = [...disk.walk()].filter(
    ([path, { type, data }]) => type === 'file' && data.length >= SIGNED_FILE_BYTES && !path.startsWith('.satchel/'),
  );
  if (kind === 'longCreate' || files.length === 0) {
    const path = `long${chance.below(100)}`;
    if (files.length >= MOST_FILES || disk.find(path) !== undefined) return undefined;
    const data = Buffer.from(ledger.fresh() + textOf(chance, SIGNED_FILE_BYTES + chance.below(LONGEST_BYTES)));
    ledger.wrote(data);
    disk.write(disk.create(path, 'file'), data);
    return `${path} ${data.length}`;
  }
  const [path, inode] = chance.pick(files);
  const data = kind === 'longEdit' ? edited(inode.data, tools) : inserted(inode.data, tools);
  ledger.letGo(inode.data);
  ledger.wrote(data);
  disk.write(inode, data);
  return `${path} ${data.length}`;
}

/** Characters that compress to three quarters, as most contents compress somewhat. */
function textOf(chance: Chance, length: number): string {
  return Buffer.from(chance.bytes(Math.ceil((length * 3) / 4)))
    .toString('base64')
    .slice(0, length);
}

function edited(before: Buffer, { chance, ledger }: Tools): Buffer {
  const data = Buffer.from(before);
  for (let places = 1 + chance.below(3); places > 0; places--) {
    const text = ledger.fresh();
    data.write(text, chance.below(data.length - text.length));
  }
  return data;
}

function inserted(before: Buffer, { chance, ledger }: Tools): Buffer {
  const at = chance.happens(0.5) ? 0 : chance.below(before.length);
  return Buffer.concat([before.subarray(0, at), Buffer.from(ledger.fresh()), before.subarray(at)]);
}
