import { errors, jwtVerify, SignJWT } from 'jose';
import { CodedError } from '@satchel/protocol/errors.ts';
import { DeviceId, UserId } from '@satchel/protocol/ids.ts';
import { LIMITS } from '@satchel/protocol/limits.ts';
import type { Caller } from '../ports/chunk-ledger.ts';
import type { Clock } from '../ports/clock.ts';

const ISSUER = 'satchel';

/** JWTs (HS256) that live 15 minutes: `sub` is the user, `dev` the device. */
export interface AccessTokens {
  issue(caller: Caller): Promise<string>;
  /**
   * Synchronous for a token that was seen before: a request then costs one look-up.
   * @throws CodedError('sign_in_required' | 'token_expired')
   */
  verify(token: string): Caller | Promise<Caller>;
}

interface Seen {
  readonly caller: Caller;
  readonly expiresAt: number;
}

const MOST_SEEN = 20_000;

/** @param secret 32 bytes, the same on every gateway */
export function createAccessTokens(secret: Uint8Array, clock: Clock): AccessTokens {
  const seen = new Map<string, Seen>();

  async function verifyUnseen(token: string): Promise<Caller> {
    const { payload } = await jwtVerify(token, secret, {
      issuer: ISSUER,
      algorithms: ['HS256'],
      requiredClaims: ['exp', 'sub', 'dev'],
      currentDate: new Date(clock.now()),
    }).catch((error: unknown) => {
      if (error instanceof errors.JWTExpired) throw expired();
      throw new CodedError('sign_in_required', 'The access token is not valid.', { cause: error });
    });
    const caller = { userId: UserId.parse(payload.sub), deviceId: DeviceId.parse(payload['dev']) };
    seen.set(token, { caller, expiresAt: (payload.exp ?? 0) * 1000 });
    // Insertion order is expiry order to within the life of a token, so the first is the one to drop.
    const first = seen.size > MOST_SEEN ? seen.keys().next().value : undefined;
    if (first !== undefined) seen.delete(first);
    return caller;
  }

  return {
    issue: ({ userId, deviceId }) => {
      const issuedAt = Math.floor(clock.now() / 1000);
      return new SignJWT({ dev: deviceId })
        .setProtectedHeader({ alg: 'HS256' })
        .setIssuer(ISSUER)
        .setSubject(userId)
        .setIssuedAt(issuedAt)
        .setExpirationTime(issuedAt + LIMITS.accessTokenMs / 1000)
        .sign(secret);
    },
    verify: (token) => {
      const known = seen.get(token);
      if (!known) return verifyUnseen(token);
      if (known.expiresAt > clock.now()) return known.caller;
      seen.delete(token);
      throw expired();
    },
  };
}

function expired(): CodedError {
  return new CodedError('token_expired', 'The access token has expired; get a new one with the refresh token.');
}
