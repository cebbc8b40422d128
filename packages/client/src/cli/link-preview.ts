import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createIgnoreRules, IGNORE_FILE } from '@satchel/core/ignore-rules.ts';
import { createHashPool } from '../adapters/hash-pool.ts';
import { readStoredConfig } from '../config.ts';
import type { CommandContext } from './command-spec.ts';
import { displayText } from './display.ts';
import { EXIT } from './exit-codes.ts';
import { walkLocal, type LocalEntry } from './local-walk.ts';
import { isFile, openPatientDrive, type RemoteObject } from './remote-drive.ts';
import { openSession } from './session.ts';
import { formatBytes } from './units.ts';

interface Preview {
  /** Only here. */
  readonly upload: Counted[];
  /** Only on the server. */
  readonly download: Counted[];
  /** The same on both sides: becomes one. */
  readonly join: Counted[];
  /** Different under one name: both stay, one of them as a conflicted copy. */
  readonly keepTwice: Counted[];
}

interface Counted {
  readonly path: string;
  readonly kind: string;
  readonly bytes: number;
}

const HASHED_AT_ONCE = 1000;
const SHOWN = 20;

/** `satchel link --dry-run`: what linking would do. Changes nothing anywhere. */
export async function previewLink(context: CommandContext, root: string): Promise<number> {
  const { home, terminal } = context;
  using session = openSession(context);
  const drive = openPatientDrive(session, context);
  terminal.say('Listing the server …');
  const remote = new Map((await drive.below(await drive.expect(''))).map((object) => [object.path, object]));
  terminal.say(`Looking through ${displayText(root)} …`);
  const preview = await compare(context, root, remote);
  const linked = readStoredConfig(home).root?.path ?? null;
  terminal.result({ root, linked, ...preview, total: totals(preview) }, previewText(root, preview));
  return EXIT.done;
}

async function compare(
  { signal, terminal }: CommandContext,
  root: string,
  remote: Map<string, RemoteObject>,
): Promise<Preview> {
  const preview: Preview = { upload: [], download: [], join: [], keepTwice: [] };
  const doubtful: LocalEntry[] = [];
  const exists = statSync(root, { throwIfNoEntry: false })?.isDirectory() === true;
  const rules = createIgnoreRules(exists ? ignoreFileOf(root) : undefined);
  const unreadable = (path: string, error: Error): void =>
    terminal.warn(`satchel: ${displayText(path)}: ${error.message}`);
  for (const entry of exists ? walkLocal(root, rules, unreadable) : []) {
    const other = remote.get(entry.path);
    remote.delete(entry.path);
    const needsHash = other !== undefined && entry.kind === 'file' && isFile(other);
    if (needsHash && other.record.version.size === entry.size) doubtful.push(entry);
    else preview[placeOf(entry, other)].push(counted(entry));
    if (needsHash) remote.set(entry.path, other);
  }
  await using hashing = createHashPool();
  for (let from = 0; from < doubtful.length; from += HASHED_AT_ONCE) {
    const some = doubtful.slice(from, from + HASHED_AT_ONCE);
    const scans = await hashing.scan(
      some.map(({ absolute }) => ({ path: absolute })),
      signal,
    );
    for (const [at, entry] of some.entries()) {
      const [scan, other] = [scans[at], remote.get(entry.path)];
      const equal = scan?.outcome === 'scanned' && scan.hash === other?.record?.version?.contentHash;
      preview[equal ? 'join' : 'keepTwice'].push(counted(entry));
    }
  }
  const seen = new Set([...preview.join, ...preview.keepTwice].map(({ path }) => path));
  for (const [path, object] of remote) {
    if (seen.has(path)) continue;
    const bytes = object.record?.version?.size ?? 0;
    preview.download.push({
      path,
      kind: object.folder === undefined ? (object.record?.kind ?? 'file') : 'folder',
      bytes,
    });
  }
  return preview;
}

function placeOf(entry: LocalEntry, other: RemoteObject | undefined): keyof Preview {
  if (other === undefined) return 'upload';
  if (entry.kind === 'folder' && other.folder !== undefined) return 'join';
  if (entry.kind === 'symlink' && other.record?.target === entry.target) return 'join';
  return 'keepTwice';
}

function counted({ path, kind, size }: LocalEntry): Counted {
  return { path, kind, bytes: size };
}

function ignoreFileOf(root: string): string | undefined {
  const file = join(root, IGNORE_FILE);
  const stat = statSync(file, { throwIfNoEntry: false });
  return stat?.isFile() === true ? readFileSync(file, 'utf8') : undefined;
}

function totals(preview: Preview) {
  const sum = (list: readonly Counted[]) => ({
    files: list.filter(({ kind }) => kind === 'file').length,
    folders: list.filter(({ kind }) => kind === 'folder').length,
    bytes: list.reduce((bytes, one) => bytes + one.bytes, 0),
  });
  const { upload, download, join: joined, keepTwice } = preview;
  return { upload: sum(upload), download: sum(download), join: sum(joined), keepTwice: sum(keepTwice) };
}

function previewText(root: string, preview: Preview): string {
  const total = totals(preview);
  const section = (title: string, name: keyof Preview): readonly string[] => {
    const { files, folders, bytes } = total[name];
    const shown = name === 'join' ? [] : preview[name].slice(0, SHOWN);
    const more = name === 'join' ? 0 : preview[name].length - shown.length;
    return [
      `${title}: ${files} files in ${folders} folders, ${formatBytes(bytes)}`,
      ...shown.map(({ path, kind }) => `    ${displayText(path)}${kind === 'folder' ? '/' : ''}`),
      ...(more > 0 ? [`    … and ${more} more`] : []),
    ];
  };
  return [
    `Linking ${displayText(root)} would`,
    ...section('  upload', 'upload'),
    ...section('  download', 'download'),
    ...section('  join what is equal', 'join'),
    ...section('  keep twice, since both differ', 'keepTwice'),
    '  delete nothing',
  ].join('\n');
}
