import type { Accounts } from '../accounts/accounts.ts';
import type { Blocks } from '../block/blocks.ts';
import type { Meta } from '../meta/meta.ts';
import type { LongPolls } from '../notify/long-poll.ts';
import type { Notifier } from '../notify/notifier.ts';
import type { OpenConnections } from './open-connections.ts';

/** What the gateway passes requests on to. */
export interface Services {
  readonly accounts: Accounts;
  readonly meta: Meta;
  readonly blocks: Blocks;
  readonly notifier: Notifier;
  readonly longPolls: LongPolls;
  readonly connections: OpenConnections;
}
