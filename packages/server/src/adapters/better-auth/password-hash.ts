import { Buffer } from 'node:buffer';
import { argon2, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { CodedError } from '@satchel/protocol/errors.ts';
import type { Random } from '../../ports/clock.ts';

const derive = promisify(argon2);

/** Argon2id with the second recommended set of OWASP's password storage sheet: 19 MiB, two passes, one lane. */
const COST = { memory: 19_456, passes: 2, parallelism: 1, tagLength: 32 } as const;
const FORMAT = /^\$argon2id\$v=19\$m=(\d{1,8}),t=(\d{1,3}),p=(\d{1,2})\$([\w+/]{8,128})\$([\w+/]{8,128})$/;

/** Hashing takes a thread of the pool that file writes need too: so many at a time, so many in wait. */
const AT_A_TIME = 2;
const IN_WAIT = 200;

export interface PasswordHash {
  hash(password: string): Promise<string>;
  verify(input: { readonly hash: string; readonly password: string }): Promise<boolean>;
}

/** Password hashes in the PHC string format, at a bounded rate. */
export function createPasswordHash(random: Random): PasswordHash {
  let running = 0;
  const waiting: (() => void)[] = [];

  async function gated<T>(work: () => Promise<T>): Promise<T> {
    if (waiting.length >= IN_WAIT)
      throw new CodedError('unavailable', 'Too many sign-ins at once.', { retryAfterS: 5 });
    if (running >= AT_A_TIME) await new Promise<void>((go) => waiting.push(go));
    else running += 1;
    try {
      return await work();
    } finally {
      // The slot is handed on: `running` counts it still.
      const next = waiting.shift();
      if (next) next();
      else running -= 1;
    }
  }

  return {
    hash: (password) =>
      gated(async () => {
        const nonce = random.bytes(16);
        const tag = await derive('argon2id', { message: password.normalize('NFKC'), nonce, ...COST });
        return `$argon2id$v=19$m=${COST.memory},t=${COST.passes},p=${COST.parallelism}$${base64(nonce)}$${base64(tag)}`;
      }),
    verify: ({ hash, password }) =>
      gated(async () => {
        const [, memory, passes, parallelism, nonce = '', tag = ''] = FORMAT.exec(hash) ?? [];
        const expected = Buffer.from(tag, 'base64');
        if (expected.length === 0) throw new Error('a stored password hash is not in the PHC format');
        const actual = await derive('argon2id', {
          message: password.normalize('NFKC'),
          nonce: Buffer.from(nonce, 'base64'),
          memory: Number(memory),
          passes: Number(passes),
          parallelism: Number(parallelism),
          tagLength: expected.length,
        });
        return timingSafeEqual(actual, expected);
      }),
  };
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64').replaceAll('=', '');
}
