import type { UploadId, WorkspaceId } from '@satchel/protocol/ids.ts';
import type { Clock } from '../../ports/clock.ts';
import type { MessageBus } from '../../ports/message-bus.ts';

/** At most one ping of an upload in this time. */
const INTERVAL_MS = 50;

/** Tells of chunks that have arrived: at once after a quiet time, and never later than the interval. */
export interface UploadPings extends Disposable {
  arrived(workspaceId: WorkspaceId, uploadId: UploadId): void;
}

export function createUploadPings({ bus, clock }: { readonly bus: MessageBus; readonly clock: Clock }): UploadPings {
  const stop = new AbortController();
  /** Uploads that were told of just now, and whether more has come since. */
  const recent = new Map<UploadId, { more: boolean }>();

  const rest = async (workspaceId: WorkspaceId, uploadId: UploadId): Promise<void> => {
    const state = { more: false };
    recent.set(uploadId, state);
    do {
      state.more = false;
      bus.publish({ workspace: workspaceId }, { workspace: workspaceId, upload: uploadId });
      await clock.delay(INTERVAL_MS, stop.signal);
    } while (state.more && !stop.signal.aborted);
    recent.delete(uploadId);
  };

  return {
    arrived: (workspaceId, uploadId) => {
      const state = recent.get(uploadId);
      if (state !== undefined) state.more = true;
      else if (!stop.signal.aborted) void rest(workspaceId, uploadId);
    },
    [Symbol.dispose]: () => stop.abort(),
  };
}
