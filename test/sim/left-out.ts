import { rulesOf } from './ignoring.ts';
import type { View } from './checks.ts';
import type { SimDevice } from './device.ts';

const FOLDER = 'folder';

function isBelow(path: string, folder: string): boolean {
  return path.startsWith(`${folder}/`);
}

function alike(tree: View): readonly string[] {
  const named = Map.groupBy(tree.keys(), (path) => path.normalize('NFC'));
  return [...named.values()].flatMap((paths) => (paths.length > 1 ? paths : []));
}

/** Whether two neighbours differ in the Unicode form of their names only. */
export function hasAlike({ disk }: SimDevice): boolean {
  return alike(new Map(Array.from(disk.walk(), ([path]) => [path, '']))).length > 0;
}

/** Entries whose name differs from a neighbour's in its Unicode form only, and which the device says it leaves alone. */
export function clashing(device: SimDevice, tree: View = device.tree()): readonly string[] {
  const pairs = alike(tree);
  if (pairs.length === 0) return [];
  const problems = device.running?.control.status().problems ?? [];
  return pairs.filter((path) => problems.some((problem) => problem.code === 'name_clash' && problem.path === path));
}

/**
 * A device's tree and the server's, without what they rightly have apart: what the rules ignore (H72, H73), folders
 * that stay on the device for it, and one of two names that are the same but for their Unicode form (H45).
 */
export function compared(device: SimDevice, tree: View, server: View): readonly [View, View] {
  const rules = rulesOf(device);
  const isIgnored = ([path, what]: readonly [string, string]) => rules.ignores(path, what === FOLDER);
  const clashes = clashing(device, tree);
  const here = new Map<string, string>();
  for (const entry of tree) {
    const [path, what] = entry;
    if (isIgnored(entry) || clashes.some((clash) => path === clash || isBelow(path, clash))) continue;
    here.set(path.normalize('NFC'), what);
  }
  const there = new Map([...server].filter((entry) => !isIgnored(entry)));
  const ignored = [...tree].filter(isIgnored).map(([path]) => path);
  for (const [path, what] of [...here].reverse()) {
    if (what !== FOLDER || there.has(path)) continue;
    const isKept = ignored.some((below) => isBelow(below, path));
    if (isKept && ![...here.keys()].some((below) => isBelow(below, path))) here.delete(path);
  }
  return [here, there];
}
