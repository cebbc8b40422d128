import { z } from 'zod';

/** Raised when a reader of the older form would restore something wrong. */
export const BACKUP_FORMAT = 1;

const Sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const FileEntry = z.object({ sizeBytes: z.int().min(0), sha256: Sha256 });

/** `manifest.json` of one snapshot. */
export const Manifest = z.object({
  format: z.int().min(1),
  /** ISO 8601, by the clock of the machine that made it. */
  takenAt: z.iso.datetime(),
  /** Of the program that made it. */
  productVersion: z.string(),
  /** Number of the newest step of the database's schema. */
  schemaVersion: z.int().min(0),
  /** `verified`: every chunk was read, decrypted and hashed, every digest counted anew, out of this backup. */
  state: z.enum(['verified', 'unverified']),
  /** What was wrong with the server itself when it was copied, and hence is in the backup as well. */
  faults: z.array(z.object({ code: z.string(), detail: z.string(), repair: z.string() })),
  files: z.record(z.string(), FileEntry),
  objects: z.object({ count: z.int().min(0), sizeBytes: z.int().min(0) }),
});
export type Manifest = z.infer<typeof Manifest>;

/** The mark of a folder of backups, `satchel-backup.json`. */
export const FolderMark = z.object({ satchelBackup: z.int().min(1) });
