import { Buffer } from 'node:buffer';
import { DatabaseSync } from 'node:sqlite';
import type { BetterAuthOptions } from 'better-auth';
import type { Logger } from 'pino';
import { CodedError } from '@satchel/protocol/errors.ts';
import { newId, type UserId } from '@satchel/protocol/ids.ts';
import type { Clock, Random } from '../../ports/clock.ts';
import type { Identity, Person } from '../../ports/identity.ts';
import type { Mailer } from '../../ports/mailer.ts';
import { createPasswordHash } from './password-hash.ts';

export interface IdentityOptions {
  /** The library's own SQLite file: its writes must not wait for the metadata database's group commits. */
  readonly file: string;
  /** Signs verification links. 32 bytes. */
  readonly secret: Uint8Array;
  /** Where people reach this server, without a slash at the end. */
  readonly publicUrl: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly mailer: Mailer;
  readonly log: Logger;
}

/**
 * Identity by better-auth. The library costs 275 ms and 50 MB to load, so it is loaded at the first use: a server
 * whose devices only refresh their tokens never needs it.
 */
export function createIdentity(options: IdentityOptions): Identity {
  let opened: Promise<Opened> | undefined;
  const open = (): Promise<Opened> => {
    const opening = (opened ??= openAuth(options));
    // The next call tries again: a full disk may have room by then.
    return opening.catch((error: unknown) => {
      if (opened === opening) opened = undefined;
      throw faultOf(error);
    });
  };

  return {
    register: async (email, password, name) => {
      const { auth } = await open();
      try {
        const { user } = await auth.api.signUpEmail({ body: { email, password, name } });
        return personOf(user);
      } catch (error) {
        if (codeOf(error).startsWith('USER_ALREADY_EXISTS')) return 'email_taken';
        throw faultOf(error);
      }
    },
    verify: async (email, password) => {
      const { auth } = await open();
      try {
        const { token, user } = await auth.api.signInEmail({ body: { email, password } });
        // Devices and their tokens are ours; the library's own session is not used.
        const context = await auth.$context;
        await context.internalAdapter.deleteSession(token);
        return personOf(user);
      } catch (error) {
        if (codeOf(error) === 'INVALID_EMAIL_OR_PASSWORD') return undefined;
        throw faultOf(error);
      }
    },
    confirmEmail: async (token) => {
      const { auth } = await open();
      try {
        await auth.api.verifyEmail({ query: { token } });
        return true;
      } catch (error) {
        if (['INVALID_TOKEN', 'TOKEN_EXPIRED', 'USER_NOT_FOUND'].includes(codeOf(error))) return false;
        throw faultOf(error);
      }
    },
    [Symbol.asyncDispose]: async () => {
      if (opened) (await opened).database.close();
    },
  };
}

type Opened = Awaited<ReturnType<typeof openAuth>>;

async function openAuth(options: IdentityOptions) {
  const [{ betterAuth }, { getMigrations }] = await Promise.all([
    import('better-auth'),
    import('better-auth/db/migration'),
  ]);
  using opening = new DisposableStack();
  const database = new DatabaseSync(options.file);
  opening.defer(() => database.close());
  database.exec('pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on');
  const { clock, random, mailer, log } = options;
  const settings = {
    database,
    secret: Buffer.from(options.secret).toString('hex'),
    baseURL: options.publicUrl,
    telemetry: { enabled: false },
    rateLimit: { enabled: false },
    logger: { level: 'error', log: (level, message) => log[level]({ library: 'better-auth' }, message) },
    advanced: { database: { generateId: () => newId<UserId>(clock.now(), random.bytes(10)) } },
    emailAndPassword: {
      enabled: true,
      // The policy stands in accounts/password-policy.ts; these bounds are only the library's.
      minPasswordLength: 1,
      maxPasswordLength: 1024,
      password: createPasswordHash(random),
    },
    emailVerification: {
      sendOnSignUp: true,
      expiresIn: 7 * 24 * 3600,
      sendVerificationEmail: async ({ user, token }) => {
        const text = `Please confirm your address: ${options.publicUrl}/api/v1/account/verify?token=${token}\n`;
        try {
          await mailer.send({ to: user.email, subject: 'Confirm your address for Satchel', text });
        } catch (error) {
          log.warn({ err: error }, 'the verification mail could not be sent');
        }
      },
    },
  } satisfies BetterAuthOptions;
  // The tables come first: the library complains in the log of tables that it does not find.
  const { runMigrations } = await getMigrations(settings);
  await runMigrations();
  opening.move();
  return { auth: betterAuth(settings), database };
}

function personOf(user: { id: string; email: string; name: string; emailVerified: boolean }): Person {
  return { userId: user.id as UserId, email: user.email, name: user.name, emailVerified: user.emailVerified };
}

/**
 * SQLite's own errors, and what the library makes of them, are faults of the machine: it asks nothing that could be
 * wrong. Which fault is often lost: a rollback that fails after a write for want of room tells only of itself.
 */
function faultOf(error: unknown): unknown {
  const isOfSqlite = error instanceof Error && 'errcode' in error;
  if (!isOfSqlite && !codeOf(error).startsWith('FAILED_TO_')) return error;
  return new CodedError('unavailable', 'Accounts cannot be read or written now; the disk of the server may be full.', {
    cause: error,
    retryAfterS: 5,
  });
}

/** The code of the library's API errors; '' for all else. */
function codeOf(error: unknown): string {
  const { body } = error as { body?: { code?: unknown } };
  return typeof body?.code === 'string' ? body.code : '';
}
