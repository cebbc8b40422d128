import type { UserId, WorkspaceId } from '@satchel/protocol/ids.ts';
import type { Ping } from '@satchel/protocol/notify.ts';
import type { TopicFanOut } from './topic-fan-out.ts';

export interface ClientTopicsPorts {
  readonly fanOut: TopicFanOut;
  /** The workspaces that the user is a member of now. */
  readonly workspacesOf: (userId: UserId) => Promise<ReadonlySet<WorkspaceId>>;
  /** Hears of a membership change that could not be followed. */
  readonly failed: (error: unknown) => void;
}

/**
 * Everything that one user's client listens to: the user, and each workspace the user is a member of, kept up to
 * date as memberships change. `deliver` hears of a membership change only after the new workspaces are listened to.
 */
export async function openClientTopics(
  ports: ClientTopicsPorts,
  userId: UserId,
  deliver: (ping: Ping) => void,
): Promise<Disposable> {
  const { fanOut, workspacesOf, failed } = ports;
  const listening = new Map<WorkspaceId, Disposable>();
  let closed = false;

  async function follow(): Promise<void> {
    const wanted = await workspacesOf(userId);
    for (const [workspace, listener] of listening)
      if (!wanted.has(workspace)) {
        listening.delete(workspace);
        listener[Symbol.dispose]();
      }
    await Promise.all(
      [...wanted].map(async (workspace) => {
        if (listening.has(workspace)) return;
        const listener = await fanOut.listen({ workspace }, deliver);
        if (closed) listener[Symbol.dispose]();
        else listening.set(workspace, listener);
      }),
    );
  }

  let followed: Promise<void> = Promise.resolve();
  /** One after the other: a later look at the memberships must win. */
  function followNext(): Promise<void> {
    followed = followed.then(() => (closed ? undefined : follow()));
    return followed;
  }
  function onUserPing(ping: Ping): void {
    if (!ping.workspaces) return deliver(ping);
    followNext().then(() => deliver(ping), failed);
  }

  const user = await fanOut.listen({ user: userId }, onUserPing);
  function close(): void {
    closed = true;
    user[Symbol.dispose]();
    for (const listener of listening.values()) listener[Symbol.dispose]();
    listening.clear();
  }
  try {
    await followNext();
  } catch (error) {
    close();
    throw error;
  }
  return { [Symbol.dispose]: close };
}
