/** A random history of what people do to folders, by seed, every content accounted for in a ledger. */
import { existsSync, lstatSync, mkdirSync, renameSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Ledger } from './ledger.ts';
import { type Random } from './random.ts';
import { type Device } from './satchel.ts';
import { paths, readTree, type TreeEntry } from './tree.ts';

const names = ['a', 'b', 'c', 'Report.txt', 'photo.jpg', 'ü', 'photos', 'photos-old'] as const;

export type Churn = {
  /** One random act by one device; what it was, for the trace. */
  readonly step: (device: Device) => string;
};

export function createChurn(random: Random, ledger: Ledger): Churn {
  let count = 0;
  const content = (device: Device): Buffer => {
    const text = Buffer.from(`${device.name} ${count++} ${random.below(1e9)}\n`);
    // Now and then a file of several chunks.
    return random.below(25) === 0 ? Buffer.concat([text, random.bytes(300_000 + random.below(1_500_000))]) : text;
  };
  const somewhere = (device: Device): string => {
    const folders = existing(device, 'folder');
    const base = folders.length === 0 || random.below(3) === 0 ? '' : `${random.pick(folders)}/`;
    return base.split('/').length > 5 ? random.pick(names) : base + random.pick(names);
  };
  const create = (device: Device): string => {
    const path = somewhere(device);
    if (blocked(device, path)) return 'nothing';
    ledger.write(device, path, content(device));
    return `write ${path}`;
  };
  const edit = (device: Device): string => {
    const files = existing(device, 'file');
    if (files.length === 0) return create(device);
    const path = random.pick(files);
    const save = random.below(2) === 0 ? ledger.write : ledger.replace;
    save(device, path, content(device));
    return `edit ${path}`;
  };
  const makeFolder = (device: Device): string => {
    const path = somewhere(device);
    if (existsSync(device.path(path)) || blocked(device, path)) return 'nothing';
    mkdirSync(device.path(path), { recursive: true });
    return `mkdir ${path}`;
  };
  const move = (device: Device): string => {
    const all = paths(readTree(device.root));
    if (all.length === 0) return create(device);
    const from = random.pick(all);
    const to = somewhere(device);
    if (`${to}/`.startsWith(`${from}/`) || `${from}/`.startsWith(`${to}/`)) return 'nothing';
    if (lstatSync(device.path(to), { throwIfNoEntry: false }) !== undefined || blocked(device, to)) return 'nothing';
    mkdirSync(dirname(device.path(to)), { recursive: true });
    renameSync(device.path(from), device.path(to));
    return `move ${from} -> ${to}`;
  };
  const remove = (device: Device): string => {
    const all = paths(readTree(device.root));
    if (all.length < 8) return create(device);
    const path = random.pick(all);
    ledger.remove(device, path);
    return `remove ${path}`;
  };
  const acts = [create, create, create, edit, edit, edit, makeFolder, move, move, remove];
  return {
    step: (device) => {
      try {
        return `${device.name}: ${random.pick(acts)(device)}`;
      } catch (error) {
        // The client changes the folder at the same time: what was there a moment ago may have gone or be of another kind.
        const code = (error as NodeJS.ErrnoException).code ?? '';
        if (['ENOENT', 'ENOTDIR', 'EISDIR', 'EEXIST', 'ENOTEMPTY', 'EINVAL'].includes(code))
          return `${device.name}: too late (${code})`;
        throw error;
      }
    },
  };
}

function existing(device: Device, kind: TreeEntry['kind']): readonly string[] {
  return [...readTree(device.root)].flatMap(([path, entry]) => (entry.kind === kind ? [path] : []));
}

/** A file stands where a folder of this path would have to be, or a folder where the file would. */
function blocked(device: Device, path: string): boolean {
  if (lstatSync(device.path(path), { throwIfNoEntry: false })?.isDirectory() === true) return true;
  for (let parent = dirname(path); parent !== '.'; parent = dirname(parent)) {
    const stat = lstatSync(device.path(parent), { throwIfNoEntry: false });
    if (stat !== undefined && !stat.isDirectory()) return true;
  }
  return false;
}
