import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { CodedError } from '@satchel/protocol/errors.ts';
import { ChunkId, DeviceId, UserId, WorkspaceId } from '@satchel/protocol/ids.ts';
import { LIMITS } from '@satchel/protocol/limits.ts';
import type { ChunkRef } from '@satchel/protocol/objects.ts';
import { API } from '@satchel/protocol/version.ts';
import type { Caller } from '../ports/chunk-ledger.ts';
import type { Clock } from '../ports/clock.ts';

/**
 * Addresses that this server signs for itself, as an S3 store would: whoever holds one may make this one request,
 * once or again, until it expires, and no other.
 */
export interface SignedRequest {
  readonly method: 'PUT' | 'GET';
  readonly caller: Caller;
  readonly workspaceId: WorkspaceId;
  /** Its id is the SHA-256 that the body must have, its size the body's length. */
  readonly chunk: ChunkRef;
}

export interface SignedAddress {
  /** Path and query, below the server's own origin. */
  readonly url: string;
  /** To be sent along. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface AddressSigner {
  sign(request: SignedRequest): SignedAddress;
  /** What the address permits. Throws 'signature_invalid' or 'signature_expired'. */
  verify(method: string, url: string): SignedRequest;
}

const PATH = `${API}/blocks/`;
const Query = z.object({
  w: WorkspaceId,
  u: UserId,
  d: DeviceId,
  n: z.coerce.number().int().min(1).max(LIMITS.chunkBytes),
  x: z.coerce.number().int(),
  s: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
});

function signatureOf(
  key: Uint8Array,
  { method, caller, workspaceId, chunk }: SignedRequest,
  expiresAt: number,
): Buffer {
  const fields = [method, chunk.id, chunk.size, workspaceId, caller.userId, caller.deviceId, expiresAt];
  return createHmac('sha256', key).update(fields.join('\n')).digest();
}

function refused(): CodedError {
  return new CodedError('signature_invalid', 'This address was not signed for this request; ask for a new one');
}

/** @param key 256 bits that nobody else has; HMAC-SHA256 */
export function createAddressSigner(key: Uint8Array, clock: Clock): AddressSigner {
  return {
    sign(request) {
      const { caller, workspaceId, chunk, method } = request;
      const expiresAt = clock.now() + LIMITS.presignMs;
      const signature = signatureOf(key, request, expiresAt).toString('base64url');
      const query = `w=${workspaceId}&u=${caller.userId}&d=${caller.deviceId}&n=${chunk.size}&x=${expiresAt}&s=${signature}`;
      return {
        url: `${PATH}${chunk.id}?${query}`,
        headers: method === 'PUT' ? { 'content-type': 'application/octet-stream' } : {},
      };
    },
    verify(method, url) {
      const [path, query] = url.split('?');
      const id = ChunkId.safeParse(path?.startsWith(PATH) ? path.slice(PATH.length) : undefined);
      const parameters = Query.safeParse(Object.fromEntries(new URLSearchParams(query ?? '')));
      if (!id.success || !parameters.success || (method !== 'PUT' && method !== 'GET')) throw refused();
      const { w, u, d, n, x, s } = parameters.data;
      const request: SignedRequest = {
        method,
        workspaceId: w,
        caller: { userId: u, deviceId: d },
        chunk: { id: id.data, size: n },
      };
      const signature = signatureOf(key, request, x).toString('base64url');
      if (!timingSafeEqual(Buffer.from(signature), Buffer.from(s))) throw refused();
      if (clock.now() > x) throw new CodedError('signature_expired', 'This address has expired; ask for a new one');
      return request;
    },
  };
}
