import type { TreeNode } from '@satchel/core/tree.ts';
import type { SimDevice } from './device.ts';

/** What a device that does not come to an end is at, for people. */
export function describe({ running, log }: SimDevice): string {
  if (running === undefined) return '';
  const { daemon, control } = running;
  const { engine, indexer, following, tasks } = daemon.parts;
  const status = control.status();
  const facts = {
    scanned: daemon.isScanned,
    feed: daemon.feed,
    indexerIdle: indexer.isIdle(),
    engineIdle: engine.isIdle(),
    tasksIdle: tasks.isIdle(),
    listing: following.isListing,
    atHead: following.isAtHead(),
    outstanding: [...engine.outstanding()].slice(0, 5),
    problems: status.problems.slice(0, 5),
    state: status.state,
  };
  const open = facts.outstanding.map((id) =>
    (['local', 'remote', 'synced'] as const)
      .map((tree) => `${tree} ${tell(daemon.parts.trees[tree].get(id))}`)
      .join(', '),
  );
  return [JSON.stringify(facts), ...open, ...log.slice(-6)].join('\n');
}

function tell(node: TreeNode | undefined): string {
  if (node === undefined) return 'nothing';
  const { objectId, parentId, workspaceId, name, content, ...more } = node;
  const { presence, deleted } = more as { readonly presence?: string; readonly deleted?: boolean };
  const ids = [objectId, parentId, workspaceId].map((id) => id.slice(-4));
  return `${ids[0]} ${ids[1]}/${name} in ${ids[2]}: ${deleted === true ? 'deleted ' : ''}${content.kind} ${presence ?? ''}`;
}
