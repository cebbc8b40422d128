/**
 * Scenes for the planner's tests, as text. An object is written `parent/name` (no parent: at the top) and then
 * `=bytes` for a file, `=bytes*` for an executable one, `->target` for a symlink, `/` for a folder, `|` for a mount;
 * in front stand `?` for what could not be looked at and `-` for a tombstone. The keys are the object ids.
 */
import type { ContentHash, ObjectId, VersionId, WorkspaceId } from '@satchel/protocol/ids.ts';
import { MemoryTree } from './memory-tree.ts';
import { plan, type Plan } from './plan.ts';
import type { PlanSettings } from './plan-settings.ts';
import type { Step } from './step.ts';
import type { Content, LocalNode, Place, RemoteNode, SyncedNode, Trees } from './tree.ts';

export type SceneTree = Readonly<Record<string, string>>;

export interface Scene {
  readonly synced?: SceneTree;
  readonly local?: SceneTree;
  readonly remote?: SceneTree;
  readonly settings?: Partial<PlanSettings>;
  /** Absent: all objects of the scene. */
  readonly candidates?: readonly string[];
}

export const SCENE_ROOT = 'root' as ObjectId;

const OBJECT =
  /^(?<mark>[?-]?)(?<parent>\w*)\/(?<name>[^=|/>]+?)(?:=(?<bytes>\w+)(?<bit>\*?)|->(?<target>\w+)|(?<kind>[/|]))$/;

export function sceneTrees(scene: Scene): Trees {
  const [local, remote, synced] = [
    new MemoryTree<LocalNode>(),
    new MemoryTree<RemoteNode>(),
    new MemoryTree<SyncedNode>(),
  ];
  for (const [id, text] of Object.entries(scene.synced ?? {})) {
    const { node, versionId } = read(id, text);
    synced.set({ ...node, ...versionId, placeVersion: 1 });
  }
  for (const [id, text] of Object.entries(scene.local ?? {})) {
    const { node, mark } = read(id, text);
    local.set({ ...node, presence: mark === '?' ? 'unknown' : 'present' });
  }
  for (const [id, text] of Object.entries(scene.remote ?? {})) {
    const { node, versionId, mark } = read(id, text);
    const base = synced.get(node.objectId);
    const placeVersion = !base || (base.name === node.name && base.parentId === node.parentId) ? 1 : 2;
    remote.set({ ...node, ...versionId, placeVersion, ...(mark === '-' ? { deleted: true } : {}) });
  }
  return { local, remote, synced };
}

export function planScene(scene: Scene): Plan {
  const parts = [scene.synced, scene.local, scene.remote];
  const ids = new Set(scene.candidates ?? parts.flatMap((part) => Object.keys(part ?? {})));
  return plan(sceneTrees(scene), [...ids] as ObjectId[], { ...sceneSettings, ...scene.settings });
}

/** The plan's steps in words, in order. */
export function stepsOf(scene: Scene): string[] {
  return planScene(scene).steps.map(inWords);
}

export const sceneSettings: PlanSettings = {
  rootId: SCENE_ROOT,
  limit: 1000,
  busy: () => false,
  excluded: () => false,
  canWrite: () => true,
  joinsShares: () => true,
  awaitedCopy: () => undefined,
  deletesAllowed: 1000,
  conflictName(name, taken) {
    let number = 1;
    while (taken(`${name} (copy ${number})`)) number++;
    return `${name} (copy ${number})`;
  },
};

function inWords(step: Step): string {
  const words: string[] = [step.kind, step.objectId];
  if (step.kind === 'join') words.push('as', step.remote.objectId);
  if ('place' in step && step.place) words.push('at', written(step.place));
  if (step.kind === 'moveLocal') words.push('from', written(step.from));
  if ('to' in step) words.push('to', written(step.to));
  if (step.kind === 'setExecutable' || step.kind === 'download') words.push(step.executable ? '*' : '');
  if (step.kind === 'removeLocal' && step.excluded) words.push('here');
  if (step.remark) words.push(`(${step.remark})`);
  return words.filter((word) => word !== '').join(' ');
}

function written({ parentId, name }: Place): string {
  return `${parentId === SCENE_ROOT ? '' : parentId}/${name}`;
}

function read(id: string, text: string) {
  const parts = OBJECT.exec(text)?.groups;
  if (!parts) throw new SyntaxError(`not an object of a scene: ${text}`);
  const { mark, parent, name = '', bytes } = parts;
  const parentId = (parent || SCENE_ROOT) as ObjectId;
  const node = { objectId: id as ObjectId, parentId, name, workspaceId: 'w' as WorkspaceId, content: contentOf(parts) };
  return { node, mark, versionId: bytes ? { versionId: `v${bytes}` as VersionId } : {} };
}

function contentOf(parts: Record<string, string | undefined>): Content {
  const { bytes, bit, target, kind } = parts as { bytes?: string; bit?: string; target?: string; kind?: string };
  if (target) return { kind: 'symlink', target };
  if (!bytes) return { kind: kind === '|' ? 'mount' : 'folder' };
  return { kind: 'file', hash: bytes as ContentHash, size: 1, executable: bit === '*', mtimeMs: 0 };
}
