/** What must be true when everybody runs, is online and has been waited for. */
import { readdirSync } from 'node:fs';
import { isConflictName } from '@satchel/core/conflict-name.ts';
import { callDaemon } from '@satchel/client/control/control-client.ts';
import { hashFile, readTree, treeDiff, type Tree } from '../support/tree.ts';
import { until } from '../support/until.ts';
import { withoutCopyMark } from '../support/folder.ts';
import { type Device } from '../support/satchel.ts';
import { linkContent } from './hand.ts';
import { type Book } from './book.ts';
import { statusOf, type Crew } from './crew.ts';
import { unexplained } from './registers.ts';

/** A rule that did not hold. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

export type Rest = { readonly tree: Tree; readonly conflicts: number; readonly onlyInTrash: readonly string[] };

const WAIT_MS = 90_000;

/**
 * The contract of `wait`: after it has answered on every device, all that was written is on the server; after the
 * second time it is on every device, at once. @param byCommand asks by `satchel wait` in place of the daemon's socket
 */
export async function checkRest(crew: Crew, bases: readonly string[], byCommand: boolean): Promise<Rest> {
  const { devices } = crew.world;
  await waitForAll(crew, byCommand);
  // A problem that only its user can solve.
  if (await haveRenamed(crew)) await waitForAll(crew, byCommand);
  await waitForAll(crew, byCommand);
  const trees = devices.map((device) => readTree(device.root));
  const tree = trees[0] ?? new Map<string, never>();
  const differing = trees.flatMap((other, at) =>
    treeDiff(tree, other).map((line) => `${devices[0]?.name} | ${devices[at]?.name}: ${line}`),
  );
  if (differing.length > 0)
    throw new Violation(
      `wait answered, and the trees differ${await later(crew, byCommand)}\n  ${differing.slice(0, 20).join('\n  ')}`,
    );
  await Promise.all(devices.map(checkStatus));
  const wrong = [...tree.keys()].filter((path) => /(^|\/)\.~/.test(path));
  if (wrong.length > 0) throw new Violation(`temporary names are in sight: ${wrong.join(', ')}`);
  const trash = lookedUpOnce(
    () =>
      new Set(
        devices.flatMap((device) =>
          filesBelow(`${device.root}/.satchel/trash`).map((path) => crew.book.nameOfHash(hashFile(path))),
        ),
      ),
  );
  checkRegisters(crew, { tree, bases, isInTrash: (content) => trash().has(content) });
  const { violations, onlyInTrash } = crew.book.contents.judge({
    visible: visibleContents(tree, crew.book),
    isInTrash: (content) => trash().has(content),
  });
  if (violations.length > 0) throw new Violation(`contents:\n  ${violations.slice(0, 20).join('\n  ')}`);
  await Promise.all(devices.map(checkDoctor));
  const conflicts = [...tree.keys()].filter((path) => isConflictName(path.slice(path.lastIndexOf('/') + 1))).length;
  return { tree, conflicts, onlyInTrash };
}

/** Nobody else did anything: all must be as its user left it. */
export function checkSolo(left: Tree, tree: Tree): void {
  const wrong = treeDiff(left, tree);
  if (wrong.length > 0) throw new Violation(`one user alone has left | all have\n  ${wrong.slice(0, 20).join('\n  ')}`);
}

async function waitForAll({ world }: Crew, byCommand: boolean): Promise<void> {
  await Promise.all(world.devices.map((device) => waitFor(device, byCommand)));
}

/** Users whose folder has one name in both its forms give one of them another, as they are told to. */
async function haveRenamed(crew: Crew): Promise<boolean> {
  let count = 0;
  for (const [at, device] of crew.world.devices.entries()) {
    const { problems } = await statusOf(device);
    for (const { path } of problems.filter(({ code }) => code === 'name_clash'))
      if ((await crew.hands[at]?.move(path, `${path} ${++count}`)) !== true)
        throw new Violation(`there is no ${path} to be renamed`);
  }
  crew.figures.clashes += count;
  return count > 0;
}

async function waitFor(device: Device, byCommand: boolean): Promise<void> {
  if (byCommand) {
    const code = await device.wait(WAIT_MS / 1000);
    if (code !== 0)
      throw new Violation(
        `satchel wait on ${device.name} ended with ${code}: ${JSON.stringify(await statusOf(device))}`,
      );
    return;
  }
  const limit = AbortSignal.timeout(WAIT_MS);
  try {
    const answer = await callDaemon('wait', { home: device.home, params: {}, signal: limit });
    if (answer.outcome !== 'synced')
      throw new Violation(
        `wait on ${device.name} answered ${JSON.stringify(answer)}: ${JSON.stringify(await statusOf(device))}`,
      );
  } catch (error) {
    if (!limit.aborted) throw error;
    throw new Violation(`${device.name} is not in sync after ${WAIT_MS} ms: ${JSON.stringify(await statusOf(device))}`);
  }
}

/** Whether they become equal after all: late, or never. */
async function later(crew: Crew, byCommand: boolean): Promise<string> {
  const { devices } = crew.world;
  for (let round = 3; round <= 6; round++) {
    await waitForAll(crew, byCommand);
    const [first = new Map<string, never>(), ...others] = devices.map((device) => readTree(device.root));
    if (others.every((other) => treeDiff(first, other).length === 0)) return `, until round ${round}`;
  }
  return ' for good';
}

async function checkStatus(device: Device): Promise<void> {
  const status = await statusOf(device);
  const { state, pending, problems, held } = status;
  const isIdle = Object.values(pending).every((count) => count === 0);
  if (state === 'synced' && isIdle && problems.length === 0 && held === null) return;
  throw new Violation(
    `all are in sync, and the status of ${device.name} is ${JSON.stringify({ state, pending, problems, held, busy: status.busyWith })}`,
  );
}

/** What downloads have left goes within seconds; what was fetched of an upload that was broken off, after a minute of silence. */
export async function checkLeftovers(device: Device): Promise<void> {
  const staging = `${device.root}/.satchel/staging`;
  await until(() => filesBelow(staging).length === 0, { timeoutMs: 90_000, what: 'the staging folder is empty' }).catch(
    () => undefined,
  );
  const left = filesBelow(staging);
  if (left.length > 0)
    throw new Violation(
      `${device.name} has left ${left.map((path) => path.slice(staging.length)).join(', ')} in the staging folder`,
    );
}

async function checkDoctor(device: Device): Promise<void> {
  const report = await callDaemon('doctor', { home: device.home, params: {}, signal: AbortSignal.timeout(WAIT_MS) });
  if (report.findings.length > 0)
    throw new Violation(`satchel doctor on ${device.name} found ${JSON.stringify(report.findings.slice(0, 5))}`);
}

type Place = {
  readonly tree: Tree;
  readonly bases: readonly string[];
  readonly isInTrash: (content: string) => boolean;
};

function checkRegisters(crew: Crew, { tree, bases, isInTrash }: Place): void {
  const { book, world } = crew;
  for (const register of book.registers.values()) {
    const { path, events, copies: before, isUnsure } = register;
    if (!bases.includes(path.slice(0, path.lastIndexOf('/')))) continue;
    const name = (at: string): string | undefined => {
      const entry = tree.get(at);
      return entry?.kind === 'file' ? book.nameOfHash(entry.sha256) : undefined;
    };
    const value = name(path);
    const now = [...tree.keys()].filter(
      (at) => at !== path && isConflictName(at.slice(at.lastIndexOf('/') + 1)) && withoutCopyMark(at) === path,
    );
    const copies = now.filter((at) => !before.includes(at)).flatMap((at) => name(at) ?? []);
    const wrong = isUnsure
      ? undefined
      : unexplained({ devices: world.devices.length, value: register.value }, events, { value, copies, isInTrash });
    if (wrong !== undefined) {
      const told = events.map(
        ({ kind, device, had, has }) =>
          `  ${kind} by ${device}: ${had ?? 'nothing'}${kind === 'read' ? '' : ` -> ${has ?? 'nothing'}`}`,
      );
      throw new Violation(`${path}: ${wrong}; it began as ${register.value ?? 'nothing'}\n${told.join('\n')}`);
    }
    register.value = value;
    register.copies = now;
    register.events.length = 0;
    register.isUnsure = false;
  }
}

function visibleContents(tree: Tree, book: Book): ReadonlyMap<string, number> {
  const visible = new Map<string, number>();
  for (const entry of tree.values()) {
    if (entry.kind === 'folder' || entry.kind === 'special') continue;
    const content = entry.kind === 'file' ? book.nameOfHash(entry.sha256) : book.nameOf(linkContent(entry.target));
    visible.set(content, (visible.get(content) ?? 0) + 1);
  }
  return visible;
}

function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).flatMap((entry) =>
    entry.isFile() ? [`${entry.parentPath}/${entry.name}`] : [],
  );
}

function lookedUpOnce<T>(look: () => T): () => T {
  let found: { readonly value: T } | undefined;
  return () => (found ??= { value: look() }).value;
}
