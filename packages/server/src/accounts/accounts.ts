import type { DeviceList, LoginRequest, SignedIn, SignupRequest, TokenAnswer } from '@satchel/protocol/accounts.ts';
import { CodedError } from '@satchel/protocol/errors.ts';
import type { DeviceId, UserId, WorkspaceId } from '@satchel/protocol/ids.ts';
import { LIMITS } from '@satchel/protocol/limits.ts';
import type { Caller } from '../ports/chunk-ledger.ts';
import type { Clock } from '../ports/clock.ts';
import type { Database, ShardId } from '../ports/database.ts';
import type { Identity, Person } from '../ports/identity.ts';
import type { AccessTokens } from './access-tokens.ts';
import { ADMINISTRATORS } from './account-statements.ts';
import { accountDisabled, type Devices, type Granted } from './devices.ts';
import type { Invites } from './invites.ts';
import { passwordFault } from './password-policy.ts';
import type { SignInThrottle } from './sign-in-throttle.ts';

export type SignupMode = 'open' | 'invite' | 'closed';

/** Sign-up, sign-in, devices and their tokens. */
export interface Accounts {
  /** @throws CodedError('password_weak' | 'signup_closed' | 'email_taken') */
  signUp(request: SignupRequest): Promise<SignedIn>;
  /**
   * @param address of the network, for the throttle
   * @throws CodedError('credentials_refused' | 'rate_limited')
   */
  signIn(request: LoginRequest, address: string): Promise<SignedIn>;
  /** @throws CodedError('sign_in_required' | 'device_revoked') */
  refresh(refreshToken: string): Promise<TokenAnswer>;
  /** Who an access token belongs to. @throws CodedError('sign_in_required' | 'token_expired' | 'device_revoked') */
  callerOf(token: string): Caller | Promise<Caller>;
  confirmEmail(token: string): Promise<boolean>;
  devices(caller: Caller): Promise<DeviceList>;
  revokeDevice(caller: Caller, deviceId: DeviceId): Promise<void>;
  isAdministrator(userId: UserId): Promise<boolean>;
  hasAdministrator(): Promise<boolean>;
}

/** What accounts need of the Meta Service. */
export interface People {
  /** The account of a person, made with its personal workspace when it is not there yet. */
  ensure(person: Person): Promise<{ readonly workspaceId: WorkspaceId; readonly disabled: boolean }>;
}

export interface AccountsOptions {
  readonly identity: Identity;
  readonly people: People;
  readonly devices: Devices;
  readonly invites: Invites;
  readonly tokens: AccessTokens;
  readonly throttle: SignInThrottle;
  readonly database: Database;
  readonly directory: ShardId;
  readonly clock: Clock;
  readonly signup: SignupMode;
  /** Hears of each device that was signed out by this process. */
  readonly onRevoked: (deviceId: DeviceId) => void;
}

export function createAccounts(options: AccountsOptions): Accounts {
  const { identity, devices, tokens, throttle, database, directory } = options;

  function alive(caller: Caller): Caller {
    if (!devices.isRevoked(caller.deviceId)) return caller;
    throw new CodedError('device_revoked', 'This device was signed out; sign in again.');
  }

  return {
    signUp: (request) => signUp(options, request),
    signIn: async (request, address) => {
      const email = request.email.toLowerCase();
      throttle.expectRoom(email, address);
      const person = await identity.verify(email, request.password);
      if (!person) {
        throttle.recordFailure(email, address);
        throw new CodedError('credentials_refused', 'No account has this e-mail and password.');
      }
      return signedIn(options, person, request.deviceName);
    },
    refresh: async (refreshToken) => answerOf(tokens, await devices.rotate(refreshToken)),
    callerOf: (token) => {
      const caller = tokens.verify(token);
      return caller instanceof Promise ? caller.then(alive) : alive(caller);
    },
    confirmEmail: (token) => identity.confirmEmail(token),
    devices: async (caller) => {
      const rows = await devices.list(caller.userId);
      return {
        devices: rows.map((row) => ({
          deviceId: row.device_id,
          name: row.name,
          createdAt: row.created_at,
          lastSeenAt: row.last_seen_at,
          current: row.device_id === caller.deviceId,
        })),
      };
    },
    revokeDevice: async (caller, deviceId) => {
      await devices.revoke(caller.userId, deviceId);
      options.onRevoked(deviceId);
    },
    isAdministrator: async (userId) =>
      (await database.read(directory, (reader) => reader.first(ADMINISTRATORS.find, { userId }))) !== undefined,
    hasAdministrator: async () =>
      (await database.read(directory, (reader) => reader.first(ADMINISTRATORS.any, {}))) !== undefined,
  };
}

async function signUp(options: AccountsOptions, request: SignupRequest): Promise<SignedIn> {
  const { identity, invites, database, directory, clock } = options;
  const email = request.email.toLowerCase();
  const fault = passwordFault(request.password, email);
  if (fault) throw new CodedError('password_weak', fault);

  const { invite } = request;
  const administrator = invite !== undefined && invites.isSetup(invite);
  const invited = invite !== undefined && !administrator && (await invites.use(invite, email));
  if (!administrator && !invited && (invite !== undefined || options.signup !== 'open'))
    throw new CodedError(
      'signup_closed',
      invite === undefined
        ? 'Accounts on this server need an invitation; ask its administrator.'
        : 'The invitation is not valid, was used, or is meant for another address.',
    );

  const person = await identity.register(email, request.password, request.name ?? email.split('@')[0] ?? email);
  if (person === 'email_taken') {
    if (invited) await invites.reopen(invite);
    throw new CodedError('email_taken', `An account for ${email} exists; sign in to it.`);
  }
  const answer = await signedIn(options, person, request.deviceName);
  if (administrator) {
    const { userId } = person;
    await database.transact(directory, (tx) => tx.run(ADMINISTRATORS.insert, { userId, now: clock.now() }));
    invites.closeSetup();
  }
  return answer;
}

async function signedIn(options: AccountsOptions, person: Person, deviceName: string): Promise<SignedIn> {
  const { workspaceId, disabled } = await options.people.ensure(person);
  if (disabled) throw accountDisabled();
  const granted = await options.devices.add(person.userId, deviceName);
  return {
    ...(await answerOf(options.tokens, granted)),
    userId: person.userId,
    deviceId: granted.caller.deviceId,
    email: person.email,
    workspaceId,
  };
}

async function answerOf(tokens: AccessTokens, { caller, refreshToken }: Granted): Promise<TokenAnswer> {
  return {
    access_token: await tokens.issue(caller),
    token_type: 'Bearer',
    expires_in: LIMITS.accessTokenMs / 1000,
    refresh_token: refreshToken,
  };
}
