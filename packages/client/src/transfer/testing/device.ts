import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newId, type ChunkId, type ObjectId, type UploadId, type WorkspaceId } from '@satchel/protocol/ids.ts';
import { createHashPool } from '../../adapters/hash-pool.ts';
import { createHttpApi } from '../../adapters/http-api.ts';
import { systemRandom } from '../../adapters/system-clock.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Tokens, TokenStore } from '../../ports/secrets.ts';
import { createDownloader } from '../download.ts';
import { createRateLimit } from '../rate-limit.ts';
import { withRetry } from '../retry.ts';
import { createUploader } from '../upload.ts';

/** A clock whose waits are over at once, and are written down. */
export function createHastyClock(): Clock & { readonly waits: number[] } {
  const waits: number[] = [];
  let now = 1_800_000_000_000;
  return {
    waits,
    now: () => now,
    monotonic: () => now,
    async delay(ms) {
      waits.push(ms);
      now += ms;
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

export function createMemoryTokens(first?: Tokens): TokenStore & { readonly saved: Tokens[] } {
  const saved: Tokens[] = first === undefined ? [] : [first];
  return {
    saved,
    load: async () => saved.at(-1),
    save: async (tokens) => void saved.push(tokens),
    clear: async () => void saved.splice(0),
    exclusively: (work) => work(),
  };
}

export const freshId = <Id extends string>(): Id => newId<Id>(Date.now(), randomBytes(10));

export const GOOD_TOKENS: Tokens = { accessToken: 'access', refreshToken: 'refresh', accessExpiresAtMs: 2e15 };

/** The transfer half of a client, with a folder for its files. */
export function createDevice(server: URL) {
  const root = mkdtempSync(join(tmpdir(), 'satchel-transfer-'));
  const clock = createHastyClock();
  const api = createHttpApi({
    server,
    tokens: createMemoryTokens(GOOD_TOKENS),
    clock,
    up: createRateLimit(clock),
    down: createRateLimit(clock),
  });
  const hashing = createHashPool();
  const signatures = new Map<ChunkId, Uint8Array>();
  const retrying = withRetry(api, { clock, random: systemRandom });
  return {
    root,
    clock,
    hashing,
    signatures,
    api: retrying,
    workspaceId: freshId<WorkspaceId>(),
    objectId: () => freshId<ObjectId>(),
    path: (name: string) => join(root, name),
    uploader: createUploader({
      api: retrying,
      hashing,
      newUploadId: () => freshId<UploadId>(),
      signature: (id) => signatures.get(id),
    }),
    downloader: createDownloader({ api: retrying, hashing, clock, random: systemRandom }),
    async [Symbol.asyncDispose]() {
      api[Symbol.dispose]();
      await hashing[Symbol.asyncDispose]();
      rmSync(root, { recursive: true });
    },
  };
}
