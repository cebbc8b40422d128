import type { Daemon } from '@satchel/client/daemon/daemon.ts';
import type { TreeStore } from '@satchel/client/state/trees.ts';
import type { Step } from '@satchel/core/step.ts';
import type { TreeNode } from '@satchel/core/tree.ts';

type Note = (what: string) => void;

const short = (id: string): string => id.slice(-4);

function inWords(node: TreeNode | string): string {
  if (typeof node === 'string') return short(node);
  const { content } = node;
  const what =
    'hash' in content ? content.hash.slice(0, 8) : 'target' in content ? `-> ${content.target}` : content.kind;
  const more = ['presence', 'deleted', 'seq'].flatMap((name) => {
    const value = (node as unknown as Record<string, unknown>)[name];
    return value === undefined ? [] : [`${name}=${String(value)}`];
  });
  const { stat } = node as { readonly stat?: { readonly ino: number } };
  if (stat !== undefined) more.push(`ino=${stat.ino}`);
  return [short(node.objectId), `${short(node.parentId)}/${node.name}`, what, ...more].join(' ');
}

/** Tells of every change of the three trees and of every step that is begun: what it takes to follow a failing seed. */
export function traceTrees({ parts: { trees, tasks } }: Daemon, note: Note): void {
  const rows = trees as unknown as Record<string, (subject: TreeNode | string) => void>;
  const names = ['putLocal', 'putRemote', 'putSynced', 'removeLocal', 'removeRemote', 'removeSynced'] as const;
  for (const name of names satisfies readonly (keyof TreeStore)[]) {
    const change = rows[name]?.bind(trees);
    rows[name] = (subject) => {
      note(`${name} ${inWords(subject)}`);
      change?.(subject);
    };
  }
  const start = tasks.start.bind(tasks);
  tasks.start = (dispatch, signal) => {
    const { commits, downloads, rearranging } = dispatch;
    const bundled = [...commits, ...downloads].flatMap(({ steps }): readonly Step[] => steps);
    for (const step of [...rearranging, ...bundled])
      note(`begins ${step.kind} ${short(step.objectId)} ${step.remark ?? ''}`);
    return start(dispatch, signal);
  };
}
