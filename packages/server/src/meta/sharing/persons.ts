import { CodedError } from '@satchel/protocol/errors.ts';
import type { UserId, WorkspaceId } from '@satchel/protocol/ids.ts';
import { MEMBERS } from '../member-statements.ts';
import type { MetaParts } from '../parts.ts';
import { USERS } from '../people.ts';
import { DIRECTORY } from '../shards.ts';

/** Somebody with an account and the personal workspace in which mounts appear. */
export interface Person {
  readonly userId: UserId;
  readonly email: string;
  readonly personalId: WorkspaceId;
}

/** @throws CodedError('not_found') */
export async function personByEmail({ database }: MetaParts, email: string): Promise<Person> {
  return database.read(DIRECTORY, async (reader) => {
    const user = await reader.first(USERS.byEmail, { email: email.toLowerCase() });
    const personal = user && (await reader.first(MEMBERS.personal, { userId: user.user_id }));
    if (user === undefined || personal === undefined)
      throw new CodedError('not_found', `Nobody on this server has the e-mail ${email}. They have to sign up first.`);
    return { userId: user.user_id, email: user.email, personalId: personal.workspace_id };
  });
}

/** @throws CodedError('not_found') */
export async function personById({ database }: MetaParts, userId: UserId): Promise<Person> {
  return database.read(DIRECTORY, async (reader) => {
    const user = await reader.first(USERS.find, { userId });
    const personal = await reader.first(MEMBERS.personal, { userId });
    if (user === undefined || personal === undefined)
      throw new CodedError('not_found', `There is no account ${userId}.`);
    return { userId, email: user.email, personalId: personal.workspace_id };
  });
}
