import { mkdirSync, realpathSync, statSync } from 'node:fs';
import { parse, relative, resolve, sep } from 'node:path';
import type { CommandContext } from '../cli/command-spec.ts';
import { CommandError, usageError } from '../cli/command-error.ts';
import { displayText } from '../cli/display.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { forgetTrees } from '../cli/home-files.ts';
import { tryLock } from '../cli/lock.ts';
import { linkedFolderAbove, newMarkerId, readMarker, rootLockOf, writeMarker } from '../cli/root-marker.ts';
import { expectAccount, readStoredConfig, writeStoredConfig, type LinkedRoot, type StoredConfig } from '../config.ts';
import { callDaemonIfRunning } from '../control/control-client.ts';

/** `satchel link`. */
export async function link(context: CommandContext): Promise<number> {
  const { args, cwd, home, isSet, signal, terminal } = context;
  const stored = readStoredConfig(home);
  const { deviceId } = expectAccount(stored);
  const typed = resolve(cwd, args[0] ?? '');
  expectLinkable(typed, home);
  if (isSet('dry-run')) {
    return (await import('../cli/link-preview.ts')).previewLink(context, typed);
  }
  expectNoOther(stored, typed);
  const path = folderAt(typed);
  expectLinkable(path, home);
  const how = wayToLink(stored, path, { deviceId, adopts: isSet('adopt') });
  if (how.way !== 'nothing') {
    if (how.way === 'anew') forgetTrees(home);
    writeMarker(path, { id: how.markerId, deviceId });
    const root: LinkedRoot = { path, markerId: how.markerId, dev: statSync(path).dev };
    writeStoredConfig(home, { ...readStoredConfig(home), root });
  }
  const running = await callDaemonIfRunning('status', { home, params: {}, signal });
  const next = running === undefined ? 'satchel start' : 'satchel restart';
  const done = how.way === 'nothing' ? 'is linked already' : 'is the synced folder of this device now';
  const hint = running !== undefined && how.way === 'nothing' ? '' : ` Next: ${next}`;
  terminal.result({ root: path, linked: how.way !== 'nothing' }, `${displayText(path)} ${done}.${hint}`);
  return EXIT.done;
}

function folderAt(typed: string): string {
  const present = statSync(typed, { throwIfNoEntry: false });
  if (present?.isDirectory() === false) throw usageError(`${typed} is no folder.`);
  mkdirSync(typed, { recursive: true });
  return realpathSync(typed);
}

/** Throws CommandError for places that cannot be a synced folder. */
function expectLinkable(path: string, home: string): void {
  if (path === parse(path).root) throw usageError(`${path} is a whole disk; link a folder on it.`);
  if (isWithin(path, home) || isWithin(home, path)) {
    const message = `${path} and the state of this device (${home}) must not lie in each other.`;
    throw new CommandError('root_nested', EXIT.conflict, message, { next: 'set SATCHEL_HOME to another place' });
  }
  const above = linkedFolderAbove(path);
  if (above !== undefined)
    throw new CommandError('root_nested', EXIT.conflict, `${path} lies in ${above}, which is synced already.`);
}

function isWithin(inner: string, outer: string): boolean {
  const below = relative(outer, inner);
  return below === '' || (below !== '..' && !below.startsWith(`..${sep}`) && resolve(outer, below) === inner);
}

/** Before anything is made: another folder is linked and still stands there. */
function expectNoOther({ root }: StoredConfig, typed: string): void {
  if (root === undefined || statSync(typed, { throwIfNoEntry: false }) !== undefined) return;
  if (root.path !== typed) throw linkedElsewhere(root);
}

function linkedElsewhere({ path }: LinkedRoot): CommandError {
  return new CommandError('linked', EXIT.conflict, `This device syncs ${path} already.`, { next: 'satchel unlink' });
}

type Way =
  | { readonly way: 'nothing' }
  /** The folder is the one that the trees of this device tell of. */
  | { readonly way: 'again'; readonly markerId: string }
  /** It is merged with the server by content. */
  | { readonly way: 'anew'; readonly markerId: string };

function wayToLink(
  { root }: StoredConfig,
  path: string,
  { deviceId, adopts }: { readonly deviceId: string; readonly adopts: boolean },
): Way {
  const marker = readMarker(path);
  const known = marker === undefined || marker === 'damaged' ? undefined : marker;
  if (root !== undefined && known?.id === root.markerId) {
    if (path === root.path) return { way: 'nothing' };
    // Moved by its user, or copied: a copy beside the original would have two devices of one id.
    if (readMarker(root.path) === undefined) return { way: 'again', markerId: root.markerId };
  }
  if (root !== undefined && path !== root.path) throw linkedElsewhere(root);
  const isForeign = known !== undefined && known.deviceId !== deviceId;
  if (isForeign) expectFree(path, adopts);
  return { way: 'anew', markerId: newMarkerId() };
}

/** A folder has one device. That the other one does not use it any more, only a person can know. */
function expectFree(path: string, adopts: boolean): void {
  if (!adopts)
    throw new CommandError('root_foreign', EXIT.conflict, `${path} is synced by another device.`, {
      next: `satchel link --adopt ${path}  (if that device does not sync it any more)`,
    });
  using lock = tryLock(rootLockOf(path));
  if (lock === undefined)
    throw new CommandError('root_in_use', EXIT.conflict, `Another Satchel syncs ${path} at this moment.`);
}
