import type { Step } from '@satchel/core/step.ts';
import type { LocalTree } from '../indexer/local-tree.ts';

export interface StepActivity {
  readonly what: string;
  readonly path: string;
  readonly detail?: string;
}

const REMARKS: Readonly<Record<string, string>> = {
  move_undone: 'moved elsewhere on another device: its place there was kept',
  delete_undone: 'deleted on one side, kept because the other side changed it',
  mount_restored: 'a shared folder was removed from disk: it is back; use share leave to leave it',
  name_conflict: 'makes way for another object with the same name',
};

/** What a step that was done means to a person; undefined for bookkeeping. */
export function describe(step: Step, tree: LocalTree): StepActivity | undefined {
  const what = WHAT[step.kind];
  if (what === undefined) return undefined;
  const path = tree.pathOf(step.objectId) ?? nameIn(step);
  const detail = step.remark === undefined ? undefined : REMARKS[step.remark];
  return { what, path, ...(detail === undefined ? {} : { detail }) };
}

const WHAT: Readonly<Partial<Record<Step['kind'], string>>> = {
  put: 'uploaded',
  mkdir: 'folder_uploaded',
  symlink: 'link_uploaded',
  move: 'moved_on_server',
  delete: 'deleted_on_server',
  download: 'downloaded',
  makeFolder: 'folder_made',
  makeSymlink: 'link_made',
  moveLocal: 'moved_here',
  removeLocal: 'removed_here',
  setExecutable: 'mode_changed',
  keepCopy: 'conflicted_copy',
};

function nameIn(step: Step): string {
  if ('expected' in step && step.expected !== undefined) return step.expected.name;
  if ('remote' in step && step.remote !== undefined) return step.remote.name;
  return '';
}
