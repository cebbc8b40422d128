import { existsSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import type { Watcher } from '../ports/watcher.ts';
import { createInotifyWatcher } from './inotify/watcher.ts';
import { loadNativeCalls } from './native-calls.ts';
import { createScanWatcher } from './scan-watcher.ts';
import type { PollSettings } from './tree-poller.ts';

/** File systems that other machines change without this kernel's knowledge; numbers of statfs(2). */
const SHARED_FILE_SYSTEMS: ReadonlySet<number> = new Set([
  0x6969, // nfs
  0x517b, // smb
  0xff534d42, // cifs
  0xfe534d42, // smb2
  0x01021997, // 9p
  0x00c36400, // ceph
  0x5346414f, // afs
]);

/** The watcher that suits the file system of `root`: events where they tell everything, else polling (H79). */
export async function createWatcherFor(root: string, settings: PollSettings): Promise<Watcher> {
  const calls = loadNativeCalls();
  if (calls === undefined || !existsSync('/proc/self/fd')) return createScanWatcher(settings);
  const { type } = await statfs(root);
  return tellsAllChanges(type) ? createInotifyWatcher(calls, settings) : createScanWatcher(settings);
}

/** `type` is as statfs gives it, which may be sign-extended. FUSE counts as local: most of it is, and a scan is hourly. */
export function tellsAllChanges(type: number): boolean {
  return !SHARED_FILE_SYSTEMS.has(type >>> 0);
}
