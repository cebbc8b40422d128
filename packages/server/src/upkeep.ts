import type { Logger } from 'pino';
import type { AdminPorts } from './administration/commands.ts';
import type { BlockUpkeep } from './block/blocks.ts';
import type { Meta } from './meta/meta.ts';
import type { JobHandlers } from './work/worker.ts';

/** A periodic scrub reads for so long and goes on from there the next time. */
const SCRUB_MS = 10 * 60_000;

/** The upkeep of the server's data, as an administrator runs it: each to its end. */
export function upkeepTasks(blocks: BlockUpkeep, meta: Meta): AdminPorts['upkeep'] {
  return {
    gc: async (signal) => ({ ...(await blocks.collect(signal)) }),
    repack: async (signal) => ({ ...(await blocks.repack(signal)) }),
    scrub: async (signal) => ({ ...(await blocks.scrub({ signal })) }),
    purge: async (signal) => ({ ...(await meta.purge(signal)) }),
    'renew-epochs': async () => ({ workspaces: await meta.renewEpochs() }),
    doctor: async (signal) => ({ ...(await meta.doctor(signal)), lastScrub: blocks.lastReport() ?? null }),
  };
}

/** The same as jobs of the work queue: in portions, with what they found in the log. */
export function upkeepJobs(blocks: BlockUpkeep, meta: Meta, log: Logger): JobHandlers {
  return {
    collect: async (_args, signal) => log.info({ report: await blocks.collect(signal) }, 'collected'),
    repack: async (_args, signal) => log.info({ report: await blocks.repack(signal) }, 'repacked'),
    purge: async (_args, signal) => log.info({ report: await meta.purge(signal) }, 'purged'),
    scrub: async (_args, signal) => {
      const report = await blocks.scrub({ signal, budgetMs: SCRUB_MS });
      if (report.damaged.length > 0) log.error({ report }, 'stored chunks are damaged');
      else log.info({ report }, 'scrubbed');
    },
  };
}
