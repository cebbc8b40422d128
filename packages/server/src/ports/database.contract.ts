import assert from 'node:assert/strict';
import { test } from 'node:test';
import { statement, type Database, type ShardId } from './database.ts';

export interface DatabaseUnderTest extends Disposable {
  open(): Promise<Database>;
  /** Opens the same database as a newer program would. */
  openNewer(): Promise<Database>;
  /** Opens it with one more migration, whose second statement is wrong. */
  openFaulty(): Promise<Database>;
}

const addPlan = statement<{ plan: string; quota: number }>()((q, arg) =>
  q.insertInto('plans').values({ plan: arg('plan'), quota_bytes: arg('quota'), retention_days: 30 }),
);
const setQuota = statement<{ plan: string; quota: number }>()((q, arg) =>
  q
    .updateTable('plans')
    .set({ quota_bytes: arg('quota') })
    .where('plan', '=', arg('plan')),
);
const planNamed = statement<{ plan: string }>()((q, arg) =>
  q.selectFrom('plans').selectAll().where('plan', '=', arg('plan')),
);
const allPlans = statement<Record<never, never>>()((q) =>
  q.selectFrom('plans').select(['plan', 'quota_bytes']).orderBy('plan'),
);

const shardOf = (database: Database): ShardId => database.shards[0]!;
const plansOf = async (database: Database): Promise<readonly string[]> => {
  const plans = await database.read(shardOf(database), async (reader) => reader.all(allPlans, {}));
  return plans.map((plan) => plan.plan).filter((plan) => plan !== 'free');
};

/** A promise and the function that resolves it. */
function gate(): { readonly passed: Promise<void>; readonly open: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { passed: promise, open: resolve };
}

/** The rules of `Database`, run against one adapter. */
export function databaseContract(name: string, setup: () => DatabaseUnderTest): void {
  test(`${name}: D1 what was acknowledged is there after the database is opened again`, async () => {
    using place = setup();
    {
      await using database = await place.open();
      await database.transact(shardOf(database), async (tx) => {
        assert.equal(await tx.run(addPlan, { plan: 'a', quota: Number.MAX_SAFE_INTEGER }), 1);
      });
    }
    await using again = await place.open();
    const plan = await again.read(shardOf(again), async (reader) => reader.first(planNamed, { plan: 'a' }));
    assert.equal(plan?.quota_bytes, Number.MAX_SAFE_INTEGER);
  });

  test(`${name}: D9 a relaxed work is seen at once, and is there after the database is opened again`, async () => {
    using place = setup();
    {
      await using database = await place.open();
      const works = (['relaxed', 'full', 'relaxed'] as const).map(async (durability, index) =>
        database.transact(
          shardOf(database),
          async (tx) => tx.run(addPlan, { plan: `${index}${durability}`, quota: 1 }),
          durability,
        ),
      );
      await Promise.all(works);
      assert.deepEqual(await plansOf(database), ['0relaxed', '1full', '2relaxed']);
    }
    await using again = await place.open();
    assert.deepEqual(await plansOf(again), ['0relaxed', '1full', '2relaxed']);
  });

  test(`${name}: D1 D4 a work that throws leaves nothing, its neighbours in the batch stay`, async () => {
    using place = setup();
    await using database = await place.open();
    const works = Array.from({ length: 30 }, async (_, index) =>
      database.transact(shardOf(database), async (tx) => {
        await tx.run(addPlan, { plan: `p${index}`, quota: index });
        await tx.run(addPlan, { plan: `q${index}`, quota: index });
        if (index % 3 === 0) throw new Error(`refused ${index}`);
        return index;
      }),
    );
    const outcomes = await Promise.allSettled(works);
    for (const [index, outcome] of outcomes.entries())
      assert.equal(outcome.status, index % 3 === 0 ? 'rejected' : 'fulfilled');
    const plans = await plansOf(database);
    assert.equal(plans.length, 40);
    assert.ok(plans.every((plan) => Number(plan.slice(1)) % 3 !== 0));
  });

  test(`${name}: D1 a statement that breaks a constraint fails its own work only`, async () => {
    using place = setup();
    await using database = await place.open();
    const [first, second, third] = await Promise.allSettled(
      [1, 1, 2].map(async (plan) =>
        database.transact(shardOf(database), async (tx) => tx.run(addPlan, { plan: `p${plan}`, quota: 1 })),
      ),
    );
    assert.deepEqual([first?.status, second?.status, third?.status], ['fulfilled', 'rejected', 'fulfilled']);
    assert.deepEqual(await plansOf(database), ['p1', 'p2']);
  });

  test(`${name}: D2 works that read and then write are serialised, also when they wait in between`, async () => {
    using place = setup();
    await using database = await place.open();
    await database.transact(shardOf(database), async (tx) => tx.run(addPlan, { plan: 'n', quota: 0 }));
    await Promise.all(
      Array.from({ length: 200 }, async () =>
        database.transact(shardOf(database), async (tx) => {
          const row = await tx.first(planNamed, { plan: 'n' });
          await new Promise((resolve) => {
            setImmediate(resolve);
          });
          await tx.run(setQuota, { plan: 'n', quota: (row?.quota_bytes ?? 0) + 1 });
        }),
      ),
    );
    const row = await database.read(shardOf(database), async (reader) => reader.first(planNamed, { plan: 'n' }));
    assert.equal(row?.quota_bytes, 200);
  });

  test(`${name}: D3 a read sees nothing of a work in progress and everything acknowledged before it`, async () => {
    using place = setup();
    await using database = await place.open();
    const wrote = gate();
    const proceed = gate();
    const work = database.transact(shardOf(database), async (tx) => {
      await tx.run(addPlan, { plan: 'slow', quota: 1 });
      wrote.open();
      await proceed.passed;
    });
    await wrote.passed;
    assert.deepEqual(await plansOf(database), []);
    proceed.open();
    await work;
    assert.deepEqual(await plansOf(database), ['slow']);
  });

  test(`${name}: D3 a read sees one state throughout, and other reads do not wait for it`, async () => {
    using place = setup();
    await using database = await place.open();
    const began = gate();
    const proceed = gate();
    const read = database.read(shardOf(database), async (reader) => {
      const before = await reader.all(allPlans, {});
      began.open();
      await proceed.passed;
      return [before.length, (await reader.all(allPlans, {})).length];
    });
    await began.passed;
    await database.transact(shardOf(database), async (tx) => tx.run(addPlan, { plan: 'new', quota: 1 }));
    assert.deepEqual(await plansOf(database), ['new']);
    proceed.open();
    const [before, after] = await read;
    assert.equal(before, after);
  });

  test(`${name}: D3 more reads at once than there are connections all get through`, async () => {
    using place = setup();
    await using database = await place.open();
    const proceed = gate();
    const reads = Array.from({ length: 20 }, async () =>
      database.read(shardOf(database), async (reader) => {
        await proceed.passed;
        return (await reader.all(allPlans, {})).length;
      }),
    );
    proceed.open();
    assert.deepEqual(
      await Promise.all(reads),
      Array.from({ length: 20 }, () => 1),
    );
  });

  test(`${name}: D6 a transaction or reader that is kept cannot be used later`, async () => {
    using place = setup();
    await using database = await place.open();
    const tx = await database.transact(shardOf(database), async (given) => given);
    await assert.rejects(tx.run(addPlan, { plan: 'late', quota: 1 }), /after its work had ended/);
    const reader = await database.read(shardOf(database), async (given) => given);
    await assert.rejects(reader.all(allPlans, {}), /after its work had ended/);
    assert.deepEqual(await plansOf(database), []);
  });

  test(`${name}: D8 H95 an older program refuses what a newer one has migrated`, async () => {
    using place = setup();
    await (await place.open())[Symbol.asyncDispose]();
    await (await place.openNewer())[Symbol.asyncDispose]();
    await assert.rejects(place.open(), /a newer Satchel has used it/);
    await (await place.openNewer())[Symbol.asyncDispose]();
  });

  test(`${name}: D8 H95 a migration that fails changes nothing`, async () => {
    using place = setup();
    {
      await using database = await place.open();
      await database.transact(shardOf(database), async (tx) => tx.run(addPlan, { plan: 'kept', quota: 1 }));
    }
    await assert.rejects(place.openFaulty());
    await using again = await place.open();
    assert.deepEqual(await plansOf(again), ['kept']);
    await again[Symbol.asyncDispose]();
    await using newer = await place.openNewer();
    assert.deepEqual(await plansOf(newer), ['kept']);
  });
}
