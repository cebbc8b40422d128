import { statement, type ShardId } from '../../ports/database.ts';
import { openSqlite } from './database.ts';

/** Run by a test in a process of its own: commits, says what was acknowledged, and never ends by itself. */

const addPlan = statement<{ plan: string }>()((q, arg) =>
  q.insertInto('plans').values({ plan: arg('plan'), quota_bytes: 0, retention_days: 0 }),
);

const database = openSqlite({ folder: process.argv[2] ?? '' });

async function commitForEver(writer: number): Promise<never> {
  for (let count = 0; ; count++) {
    const plan = `w${writer} ${count}`;
    await database.transact(0 as ShardId, async (tx) => tx.run(addPlan, { plan }));
    process.stdout.write(`${plan}\n`);
  }
}

await Promise.all(Array.from({ length: 8 }, async (_, writer) => commitForEver(writer)));
