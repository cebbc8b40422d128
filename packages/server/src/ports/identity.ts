import type { UserId } from '@satchel/protocol/ids.ts';

/** A person who has shown who they are. */
export interface Person {
  readonly userId: UserId;
  /** Lower case. */
  readonly email: string;
  readonly name: string;
  readonly emailVerified: boolean;
}

/**
 * Who people are: addresses, passwords and, later, second factors, passkeys and single sign-on.
 *
 * - I1 `register` makes a person durably, once per address, and sends a verification link; the account works at once.
 * - I2 `verify` does the same work for an unknown address as for a wrong password.
 * - I3 Passwords are kept only as salted, memory-hard hashes.
 */
export interface Identity extends AsyncDisposable {
  register(email: string, password: string, name: string): Promise<Person | 'email_taken'>;
  verify(email: string, password: string): Promise<Person | undefined>;
  /** Marks the address as verified that the token was sent to; false when it is not valid (any more). */
  confirmEmail(token: string): Promise<boolean>;
}
