import { createHmac, timingSafeEqual } from 'node:crypto';
import type { ChunkId, WorkspaceId } from '@satchel/protocol/ids.ts';
import { LIMITS } from '@satchel/protocol/limits.ts';
import type { Caller } from '../ports/chunk-ledger.ts';
import type { Clock, Random } from '../ports/clock.ts';

export interface ProofSubject {
  readonly caller: Caller;
  readonly workspaceId: WorkspaceId;
  readonly chunkId: ChunkId;
}

/** Nonces for proofs of possession (S7): fresh, bound to who asks for which chunk, and kept nowhere. */
export interface ProofNonces {
  issue(subject: ProofSubject): string;
  accepts(nonce: string, subject: ProofSubject): boolean;
}

const RANDOM_BYTES = 16;

/** @param key 256 bits that nobody else has */
export function createProofNonces(key: Uint8Array, clock: Clock, random: Random): ProofNonces {
  function mac(head: string, { caller, workspaceId, chunkId }: ProofSubject): Buffer {
    return createHmac('sha256', key).update([head, caller.userId, workspaceId, chunkId].join('\n')).digest();
  }
  return {
    issue(subject) {
      const fresh = Buffer.from(random.bytes(RANDOM_BYTES)).toString('base64url');
      const head = `${(clock.now() + LIMITS.presignMs).toString(36)}.${fresh}`;
      return `${head}.${mac(head, subject).toString('base64url')}`;
    },
    accepts(nonce, subject) {
      const [expiry, fresh, given] = nonce.split('.');
      if (expiry === undefined || fresh === undefined || given === undefined) return false;
      const expected = mac(`${expiry}.${fresh}`, subject);
      const actual = Buffer.from(given, 'base64url');
      return (
        actual.length === expected.length &&
        timingSafeEqual(actual, expected) &&
        clock.now() <= Number.parseInt(expiry, 36)
      );
    },
  };
}
