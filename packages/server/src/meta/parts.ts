import { newId } from '@satchel/protocol/ids.ts';
import type { Cache } from '../ports/cache.ts';
import type { Clock, Random } from '../ports/clock.ts';
import type { Database } from '../ports/database.ts';
import type { MessageBus } from '../ports/message-bus.ts';

export interface MetaSettings {
  /** Instead of the plan's quota, for accounts made from now on. */
  readonly defaultQuotaBytes: number | undefined;
  /** Deletions of one device in a workspace within five minutes from which on they are held (H69). */
  readonly guardDeletes: number | 'off';
}

/** What the Meta Service stands on. */
export interface MetaParts {
  readonly database: Database;
  readonly bus: MessageBus;
  readonly cache: Cache;
  readonly clock: Clock;
  readonly random: Random;
  readonly settings: MetaSettings;
}

export function freshId<Id extends string>({ clock, random }: Pick<MetaParts, 'clock' | 'random'>): Id {
  return newId<Id>(clock.now(), random.bytes(10));
}
