import { Buffer } from 'node:buffer';
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Clock, Random } from '../ports/clock.ts';
import type { Database, ShardId } from '../ports/database.ts';
import { INVITES } from './account-statements.ts';

/** Invitations: single-use words that let somebody sign up where sign-up is not open. Stored hashed. */
export interface Invites {
  create(email: string | undefined, validMs: number): Promise<string>;
  /** Uses an invitation up; false when it is not (any more) valid for this address. */
  use(invite: string, email: string): Promise<boolean>;
  /** Gives an invitation back whose sign-up did not come about. */
  reopen(invite: string): Promise<void>;
  /** The one-time word, of this process only, that makes an administrator. */
  openSetup(): string;
  isSetup(invite: string): boolean;
  closeSetup(): void;
}

export interface InvitesOptions {
  readonly database: Database;
  readonly directory: ShardId;
  readonly clock: Clock;
  readonly random: Random;
}

const hashOf = (invite: string): Buffer => createHash('sha256').update(`invite ${invite}`).digest();

export function createInvites({ database, directory, clock, random }: InvitesOptions): Invites {
  let setup: Buffer | undefined;
  const word = (): string => Buffer.from(random.bytes(24)).toString('base64url');
  return {
    create: async (email, validMs) => {
      const invite = word();
      const now = clock.now();
      const row = { hash: hashOf(invite).toString('hex'), email: email ?? null, now, expiresAt: now + validMs };
      await database.transact(directory, (tx) => tx.run(INVITES.insert, row));
      return invite;
    },
    use: (invite, email) => {
      const hash = hashOf(invite).toString('hex');
      return database.transact(directory, async (tx) => {
        const found = await tx.first(INVITES.findOpen, { hash, now: clock.now() });
        if (!found || (found.email !== null && found.email !== email)) return false;
        return (await tx.run(INVITES.use, { hash, now: clock.now() })) === 1;
      });
    },
    reopen: async (invite) => {
      const hash = hashOf(invite).toString('hex');
      await database.transact(directory, (tx) => tx.run(INVITES.reopen, { hash }));
    },
    openSetup: () => {
      const invite = word();
      setup = hashOf(invite);
      return invite;
    },
    isSetup: (invite) => setup !== undefined && timingSafeEqual(setup, hashOf(invite)),
    closeSetup: () => {
      setup = undefined;
    },
  };
}
