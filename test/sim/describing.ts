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
  return `${JSON.stringify(facts)}\n${log.slice(-6).join('\n')}`;
}
