import type { Ping } from '@satchel/protocol/notify.ts';

/**
 * Pings that wait for a client, merged: the latest seq per workspace, each upload once, damage once per workspace. Its size is bounded by the
 * number of the client's workspaces, however long the client does not read.
 */
export interface PingQueue {
  add(ping: Ping): void;
  isEmpty(): boolean;
  /** Empties it. */
  take(): readonly Ping[];
}

/** Further uploads are dropped: they are hints for a prefetch that a client so far behind does not need. */
const UPLOADS = 64;

export function createPingQueue(): PingQueue {
  const heads = new Map<Ping['workspace'], Ping>();
  const uploads = new Map<Ping['upload'], Ping>();
  const damaged = new Map<Ping['workspace'], Ping>();
  let workspacesChanged = false;
  return {
    add(ping) {
      if (ping.workspaces) workspacesChanged = true;
      if (ping.seq !== undefined) {
        const { workspace, seq } = ping;
        const known = heads.get(workspace)?.seq ?? 0;
        heads.set(workspace, { ...(workspace === undefined ? {} : { workspace }), seq: Math.max(known, seq) });
      }
      if (ping.damaged) {
        const { workspace } = ping;
        damaged.set(workspace, { ...(workspace === undefined ? {} : { workspace }), damaged: true });
      }
      if (ping.upload !== undefined && (uploads.size < UPLOADS || uploads.has(ping.upload))) {
        const { workspace, upload } = ping;
        uploads.set(upload, { ...(workspace === undefined ? {} : { workspace }), upload });
      }
    },
    isEmpty: () => !workspacesChanged && heads.size + uploads.size + damaged.size === 0,
    take() {
      const pings: Ping[] = [...heads.values(), ...uploads.values(), ...damaged.values()];
      if (workspacesChanged) pings.unshift({ workspaces: true });
      heads.clear();
      uploads.clear();
      damaged.clear();
      workspacesChanged = false;
      return pings;
    },
  };
}
