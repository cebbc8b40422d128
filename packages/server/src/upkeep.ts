import type { Logger } from 'pino';
import { CodedError } from '@satchel/protocol/errors.ts';
import type { AdminPorts } from './administration/commands.ts';
import type { BlockUpkeep } from './block/blocks.ts';
import { examinationText, examine } from './examination.ts';
import type { Meta } from './meta/meta.ts';
import type { Clock } from './ports/clock.ts';
import type { DeletionGate } from './work/deletion-gate.ts';
import type { JobHandlers } from './work/worker.ts';

export interface UpkeepParts {
  readonly blocks: BlockUpkeep;
  readonly meta: Meta;
  /** What deletes stored bytes goes through it. */
  readonly gate: DeletionGate;
  readonly clock: Pick<Clock, 'now'>;
}

/** What the last periodic looks found, for metrics. */
export interface UpkeepHealth {
  examined: { readonly found: number; readonly atMs: number } | undefined;
}

/** A periodic scrub reads for so long and goes on from there the next time. */
const SCRUB_MS = 10 * 60_000;

/** The upkeep of the server's data, as an administrator runs it: each to its end. */
export function upkeepTasks({ blocks, meta, gate }: UpkeepParts): AdminPorts['upkeep'] {
  const unlessHeld = async <T>(report: Promise<T | undefined>): Promise<T> => {
    const done = await report;
    if (done !== undefined) return done;
    throw new CodedError('unavailable', 'A backup is being taken, and nothing is deleted meanwhile; try again later.');
  };
  return {
    gc: async (signal) => ({ ...(await unlessHeld(gate.run(blocks.collect, signal))) }),
    repack: async (signal) => ({ ...(await unlessHeld(gate.run(blocks.repack, signal))) }),
    scrub: async (signal) => ({ ...(await blocks.scrub({ signal })) }),
    purge: async (signal) => ({ ...(await meta.purge(signal)) }),
    'renew-epochs': async () => ({ workspaces: await meta.renewEpochs() }),
  };
}

/** `admin doctor`, for people and for scripts. */
export function doctorTask(parts: Pick<UpkeepParts, 'blocks' | 'meta'>): AdminPorts['doctor'] {
  return async (options) => {
    const report = await examine(parts, options);
    return { found: report.found + report.unread, text: examinationText(report), data: report };
  };
}

/** The same as jobs of the work queue: in portions, with what they found in the log. */
export function upkeepJobs({ blocks, meta, gate, clock }: UpkeepParts, health: UpkeepHealth, log: Logger): JobHandlers {
  const told = (report: object | undefined, done: string): void =>
    report === undefined
      ? log.info('a backup is being taken: nothing is deleted meanwhile')
      : log.info({ report }, done);
  return {
    collect: async (_args, signal) => told(await gate.run(blocks.collect, signal), 'collected'),
    repack: async (_args, signal) => told(await gate.run(blocks.repack, signal), 'repacked'),
    purge: async (_args, signal) => log.info({ report: await meta.purge(signal) }, 'purged'),
    scrub: async (_args, signal) => {
      const report = await blocks.scrub({ signal, budgetMs: SCRUB_MS });
      if (report.damaged.length > 0) log.error({ report }, 'stored chunks are damaged');
      else log.info({ report }, 'scrubbed');
    },
    doctor: async (_args, signal) => {
      const report = await examine({ meta, blocks }, { deep: false, signal });
      if (signal.aborted) return;
      health.examined = { found: report.found, atMs: clock.now() };
      if (report.found > 0) log.error({ report }, 'the data of the server is not consistent: run satchel admin doctor');
      else log.info({ report }, 'examined');
    },
  };
}
