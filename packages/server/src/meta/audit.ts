import type { DeviceId, UserId } from '@satchel/protocol/ids.ts';
import { statement, type Transaction } from '../ports/database.ts';
import type { AuditRow } from '../ports/schema.ts';
import { freshId, type MetaParts } from './parts.ts';
import { DIRECTORY } from './shards.ts';

/** What somebody did that an operator may have to answer for. Never holds secrets. */
export interface AuditEntry {
  readonly userId: UserId | undefined;
  readonly deviceId: DeviceId | undefined;
  /** A word like `sign_in`, `share`, `remove_member`. */
  readonly action: string;
  readonly details: Readonly<Record<string, string | number | boolean>>;
}

const insertEntry = statement<AuditRow>()((q, arg) =>
  q.insertInto('audit_log').values({
    audit_id: arg('audit_id'),
    at: arg('at'),
    user_id: arg('user_id'),
    device_id: arg('device_id'),
    action: arg('action'),
    details: arg('details'),
  }),
);

/** Writes an entry in the transaction of what it tells of, which must be on the directory's shard. */
export async function auditWithin(parts: MetaParts, tx: Transaction, entry: AuditEntry): Promise<void> {
  await tx.run(insertEntry, {
    audit_id: freshId<string>(parts),
    at: parts.clock.now(),
    user_id: entry.userId ?? null,
    device_id: entry.deviceId ?? null,
    action: entry.action,
    details: JSON.stringify(entry.details),
  });
}

export async function audit(parts: MetaParts, entry: AuditEntry): Promise<void> {
  await parts.database.transact(DIRECTORY, async (tx) => auditWithin(parts, tx, entry));
}
