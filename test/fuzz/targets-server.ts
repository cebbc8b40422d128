/** Parsers of the server: headers, addresses, tokens, cursors, sealed and compressed bytes, backups. */
import assert from 'node:assert/strict';
import { createSecretKey, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import zlib from 'node:zlib';
import { CodedError } from '@satchel/protocol/errors.ts';
import { newId, type ChunkId, type DeviceId, type UserId, type WorkspaceId } from '@satchel/protocol/ids.ts';
import { LIMITS } from '@satchel/protocol/limits.ts';
import { createAccessTokens } from '@satchel/server/accounts/access-tokens.ts';
import { createRefreshTokens } from '@satchel/server/accounts/refresh-tokens.ts';
import { systemClock } from '@satchel/server/adapters/system/clock.ts';
import { systemRandom } from '@satchel/server/adapters/system/random.ts';
import { BackupFault } from '@satchel/server/backup/fault.ts';
import { FolderMark, Manifest } from '@satchel/server/backup/manifest.ts';
import { readObjectList } from '@satchel/server/backup/object-list.ts';
import { createProofNonces } from '@satchel/server/block/proof-nonces.ts';
import { seal, unseal } from '@satchel/server/block/seal.ts';
import { createAddressSigner } from '@satchel/server/block/signed-address.ts';
import { decompressBounded } from '@satchel/server/block/zstd.ts';
import { spanOf } from '@satchel/server/gateway/range-header.ts';
import { openMeta } from '@satchel/server/meta/meta-under-test.ts';
import * as fc from 'fast-check';
import { frugally, hostileBytes, hostileText } from './hostile.ts';
import type { Target } from './run.ts';

const id = <T extends string>(): T => newId<T>(1_800_000_000_000, randomBytes(10));
const caller = { userId: id<UserId>(), deviceId: id<DeviceId>() };
const workspaceId = id<WorkspaceId>();
const secret = randomBytes(32);
const chunkId = 'ab'.repeat(32) as ChunkId;

/** Only failures with a code cross HTTP; anything else would be an `internal` that somebody can provoke. */
function expectCoded(error: unknown): void {
  assert.ok(error instanceof CodedError, `not a coded refusal: ${String(error)}`);
}

function coded(work: () => unknown): void {
  try {
    work();
  } catch (error) {
    expectCoded(error);
  }
}

const dataKey = { id: 7, key: createSecretKey(secret) };
const dataKeys = { current: dataKey, find: async () => undefined, derive: () => secret };
const sealedChunk = { id: chunkId, size: 60 };
const sealed = Buffer.concat(
  seal(dataKey, systemRandom, sealedChunk, { encoding: 'raw', parts: [new Uint8Array(60)] }),
);

const signer = createAddressSigner(secret, systemClock);
const signed = signer.sign({ method: 'PUT', caller, workspaceId, chunk: sealedChunk }).url;
const nonces = createProofNonces(secret, systemClock, systemRandom);
const nonce = nonces.issue({ caller, workspaceId, chunkId });
const refresh = createRefreshTokens(secret);
const refreshToken = refresh.issue({ deviceId: caller.deviceId, salt: secret }, 3);
const access = createAccessTokens(secret, systemClock);

/** Targets that stand on something that has to be closed. */
export async function serverTargets(stack: AsyncDisposableStack): Promise<readonly Target[]> {
  const folder = mkdtempSync(join(tmpdir(), 'satchel-fuzz-'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const world = stack.use(await openMeta());
  const ann = await world.person('ann');
  const { cursor } = await world.meta.list(ann, { workspace_id: ann.workspaceId });
  const accessToken = await access.issue(caller);
  return [
    {
      name: 'range headers',
      property: fc.property(
        hostileText(fc.constantFrom('bytes=0-99', 'bytes=-5', 'bytes=7-', 'bytes=0-1,3-4')),
        fc.nat(1000),
        (header, sizeBytes) =>
          coded(() => {
            const span = spanOf(header, sizeBytes);
            if (span !== undefined) assert.ok(span.from >= 0 && span.from < span.to && span.to <= sizeBytes);
          }),
      ),
    },
    {
      name: 'zstd frames',
      property: fc.property(
        hostileBytes(fc.nat(3000).map((length) => zlib.zstdCompressSync(Buffer.alloc(length, 'ab')))),
        fc.constantFrom(0, 1, 64, 3000, LIMITS.chunkBytes),
        (frame, rawSize) => {
          const raw = frugally(() => decompressBounded(frame, rawSize));
          assert.ok(raw === undefined || raw.length === rawSize);
        },
      ),
    },
    {
      name: 'sealed chunks',
      property: fc.asyncProperty(hostileBytes(fc.constant(sealed)), async (bytes) => {
        const content = await unseal(dataKeys, sealedChunk, 'raw', bytes);
        assert.equal(content !== undefined, Buffer.from(bytes).equals(sealed), 'what is opened is what was sealed');
      }),
    },
    {
      name: 'signed addresses',
      property: fc.property(hostileText(fc.constant(signed)), fc.constantFrom('PUT', 'GET', 'put'), (url, method) =>
        coded(() => {
          assert.deepEqual(signer.verify(method, url).chunk, sealedChunk);
          assert.equal(method, 'PUT');
        }),
      ),
    },
    {
      name: 'nonces of proofs',
      property: fc.property(hostileText(fc.constant(nonce)), (text) => {
        const others = { caller: { ...caller, userId: id<UserId>() }, workspaceId, chunkId };
        assert.equal(nonces.accepts(text, others), false);
      }),
    },
    {
      name: 'refresh tokens',
      property: fc.property(hostileText(fc.constant(refreshToken)), (text) => {
        const claim = refresh.parse(text);
        if (claim === undefined) return;
        assert.ok(Number.isSafeInteger(claim.generation + 1));
        const isOurs = refresh.proves(claim, { deviceId: caller.deviceId, salt: secret });
        if (isOurs) assert.equal(claim.generation, 3);
      }),
    },
    {
      name: 'access tokens',
      property: fc.asyncProperty(hostileText(fc.constant(accessToken)), async (text) => {
        try {
          assert.deepEqual(await access.verify(text), caller);
        } catch (error) {
          expectCoded(error);
        }
      }),
    },
    {
      name: 'cursors',
      property: fc.asyncProperty(
        hostileText(fc.constant(cursor)).filter((text) => /^[0-9a-z]{1,32}\.\d{1,16}$/.test(text)),
        async (text) => {
          try {
            await world.meta.list(ann, { workspace_id: ann.workspaceId, cursor: text });
          } catch (error) {
            expectCoded(error);
          }
        },
      ),
    },
    {
      name: 'lists and manifests of backups',
      property: fc.asyncProperty(
        hostileText(fc.constant(`${'0'.repeat(64)}  blocks/objects/packs/ab/cd\n`.repeat(3)), 500),
        fc.anything(),
        async (text, json) => {
          FolderMark.safeParse(json);
          Manifest.safeParse(json);
          const path = join(folder, 'list');
          writeFileSync(path, text);
          try {
            for await (const { key } of readObjectList(path)) assert.match(key, /^[a-z0-9/]{1,128}$/);
          } catch (error) {
            assert.ok(error instanceof BackupFault, String(error));
          }
        },
      ),
    },
  ];
}
