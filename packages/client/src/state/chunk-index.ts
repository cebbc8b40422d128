import { MIN_CHUNK_BYTES } from '@satchel/core/chunker.ts';
import type { ChunkId, ContentHash, ObjectId } from '@satchel/protocol/ids.ts';
import type { ChunkRef } from '@satchel/protocol/objects.ts';
import { decodeManifest, encodeManifest, totalSize } from '@satchel/core/manifest.ts';
import { SIGNED_FILE_BYTES } from '../ports/hashing.ts';
import type { ClientDatabase } from './database.ts';

export interface UnsignedChunks {
  readonly objectId: ObjectId;
  readonly chunks: readonly { readonly id: ChunkId; readonly offset: number; readonly size: number }[];
}

/** Chunk lists, block signatures, and where chunks of long files lie on this disk. */
export interface ChunkIndex {
  /** The chunk list of a content, where it is known; up to the smallest chunk's size it follows from the hash. */
  manifest(hash: ContentHash, size: number): readonly ChunkRef[] | undefined;
  putManifest(hash: ContentHash, chunks: readonly ChunkRef[]): void;
  signature(id: ChunkId): Uint8Array | undefined;
  putSignature(id: ChunkId, blocks: Uint8Array): void;
  /** Files of the Local tree that hold this chunk, newest index first; the caller verifies what it reads. */
  sources(id: ChunkId): readonly { readonly objectId: ObjectId; readonly offset: number }[];
  /** Replaces what is known of an object's chunks; files of one chunk are found by their content hash instead. */
  indexObject(objectId: ObjectId, chunks: readonly ChunkRef[]): void;
  /** An object with chunks that have no signature yet, and those chunks; undefined: all are signed. */
  unsigned(limit: number): UnsignedChunks | undefined;
  /** Drops lists and signatures that no tree mentions any more. */
  sweep(): void;
}

const PUT_SOURCE = `INSERT OR IGNORE INTO chunk_source (chunk_id, object_id, offset, size, signed)
  VALUES (?, ?, ?, ?, EXISTS (SELECT 1 FROM signature WHERE chunk_id = ?))`;

export function createChunkIndex(db: ClientDatabase): ChunkIndex {
  return {
    manifest(hash, size) {
      if (size === 0) return [];
      if (size <= MIN_CHUNK_BYTES) return [{ id: hash as string as ChunkId, size }];
      const blob = db.value('SELECT chunks FROM manifest WHERE hash = ?', hash);
      if (blob instanceof Uint8Array) {
        const decoded = decodeManifest(blob);
        return decoded.ok ? decoded.value : undefined;
      }
      return undefined;
    },
    putManifest(hash, chunks) {
      if (totalSize(chunks) <= MIN_CHUNK_BYTES) return;
      db.run('INSERT OR IGNORE INTO manifest (hash, chunks) VALUES (?, ?)', hash, encodeManifest(chunks));
    },
    signature(id) {
      const blob = db.value('SELECT blocks FROM signature WHERE chunk_id = ?', id);
      return blob instanceof Uint8Array ? blob : undefined;
    },
    putSignature(id, blocks) {
      db.run('INSERT OR IGNORE INTO signature (chunk_id, blocks) VALUES (?, ?)', id, blocks);
      db.run('UPDATE chunk_source SET signed = 1 WHERE chunk_id = ?', id);
    },
    sources(id) {
      const rows = db.all(
        `SELECT object_id, offset FROM chunk_source WHERE chunk_id = ?1
         UNION ALL SELECT object_id, 0 FROM local WHERE hash = ?1 LIMIT 8`,
        id,
      );
      return rows.map((row) => ({ objectId: row['object_id'] as ObjectId, offset: Number(row['offset']) }));
    },
    indexObject(objectId, chunks) {
      db.run('DELETE FROM chunk_source WHERE object_id = ?', objectId);
      if (totalSize(chunks) < SIGNED_FILE_BYTES) return;
      let offset = 0;
      for (const { id, size } of chunks) {
        db.run(PUT_SOURCE, id, objectId, offset, size, id);
        offset += size;
      }
    },
    unsigned: (limit) => unsignedIn(db, limit),
    sweep() {
      db.transaction(() => {
        db.run(`DELETE FROM manifest WHERE hash NOT IN (SELECT hash FROM local WHERE hash IS NOT NULL
          UNION SELECT hash FROM synced WHERE hash IS NOT NULL UNION SELECT hash FROM remote WHERE hash IS NOT NULL)`);
        db.run('DELETE FROM signature WHERE chunk_id NOT IN (SELECT chunk_id FROM chunk_source)');
      });
    },
  };
}

function unsignedIn(db: ClientDatabase, limit: number): UnsignedChunks | undefined {
  const first = db.first('SELECT object_id FROM chunk_source WHERE signed = 0 LIMIT 1');
  if (first === undefined) return undefined;
  const objectId = first['object_id'] as ObjectId;
  const rows = db.all(
    'SELECT chunk_id, offset, size FROM chunk_source WHERE object_id = ? AND signed = 0 ORDER BY offset LIMIT ?',
    objectId,
    limit,
  );
  const chunks = rows.map((row) => ({
    id: row['chunk_id'] as ChunkId,
    offset: Number(row['offset']),
    size: Number(row['size']),
  }));
  return { objectId, chunks };
}
