import { ChunkId } from '@satchel/protocol/ids.ts';
import type { RecordedChunk, StoredChunk } from '../../ports/chunk-ledger.ts';
import { createChunkReader } from '../chunk-reader.ts';
import { sha256Hex } from '../content.ts';
import { createRecentChunks } from '../recent-chunks.ts';
import type { UpkeepPorts } from './ports.ts';

export interface ScrubReport {
  checkedChunks: number;
  checkedBytes: number;
  damaged: { readonly id: ChunkId; readonly reason: string }[];
  /** Chunks that could not be read now; they are looked at again next time. */
  unread: number;
  /** Whether every recorded chunk was looked at. */
  complete: boolean;
}

export interface ScrubOptions {
  readonly signal?: AbortSignal;
  /** Stops after so many ms; the next run goes on from there. Absent: one whole round. */
  readonly budgetMs?: number;
}

export interface Scrubber {
  scrub(options?: ScrubOptions): Promise<ScrubReport>;
  /** Of the last run, for doctor and metrics. */
  lastReport(): ScrubReport | undefined;
}

const CHUNKS_PER_PAGE = 256;

/**
 * Re-reads and re-hashes what is stored, at a bounded rate, and records what is damaged, or is not any more (H93). Without a place to go
 * on from it begins at a random id, so that short lives of the process do not leave the same chunks unread.
 */
export function createScrubber(ports: UpkeepPorts, bytesPerSecond: number): Scrubber {
  const { ledger, clock } = ports;
  const reader = createChunkReader({ ...ports, recent: createRecentChunks(0) });
  const relocate = async (id: ChunkId): Promise<StoredChunk | undefined> => (await ledger.locateAny([id])).get(id);
  let goOnAfter: ChunkId | undefined;
  let last: ScrubReport | undefined;

  async function check(chunk: RecordedChunk, report: ScrubReport): Promise<void> {
    using memory = new DisposableStack();
    const read = await reader.readRaw(chunk, relocate, memory);
    report.checkedChunks++;
    report.checkedBytes += chunk.size;
    if ('raw' in read) {
      if (sha256Hex(read.raw) === chunk.id) {
        if (chunk.isDamaged) await ledger.recordSound(chunk.id, chunk.location);
        return;
      }
      const reason = 'the stored bytes have another hash';
      await ledger.recordDamaged(chunk.id, reason);
      report.damaged.push({ id: chunk.id, reason });
    } else if (read.fault.code === 'chunk_damaged') report.damaged.push({ id: chunk.id, reason: read.fault.detail });
    else if (read.fault.code === 'unavailable') report.unread++;
  }

  /** Waits until the bytes so far are allowed by the rate. */
  async function pace(begun: number, report: ScrubReport, signal: AbortSignal | undefined): Promise<void> {
    const aheadMs = (report.checkedBytes / bytesPerSecond) * 1000 - (clock.monotonic() - begun);
    if (aheadMs > 0) await clock.delay(aheadMs, signal);
  }

  async function scrub({ signal, budgetMs = Infinity }: ScrubOptions = {}): Promise<ScrubReport> {
    const report: ScrubReport = { checkedChunks: 0, checkedBytes: 0, damaged: [], unread: 0, complete: false };
    last = report;
    const begun = clock.monotonic();
    const startAfter = goOnAfter ?? ChunkId.parse(Buffer.from(ports.random.bytes(32)).toString('hex'));
    let after: ChunkId | undefined = startAfter;
    let wrapped = false;
    const isOver = (): boolean => signal?.aborted === true || clock.monotonic() - begun >= budgetMs;
    while (!isOver()) {
      const page: readonly RecordedChunk[] = await ledger.scan(after, CHUNKS_PER_PAGE);
      for (const chunk of page) {
        if (wrapped && chunk.id > startAfter) {
          report.complete = true;
          return report;
        }
        await check(chunk, report);
        await pace(begun, report, signal);
        after = chunk.id;
        goOnAfter = chunk.id;
        if (isOver()) return report;
      }
      if (page.length > 0) continue;
      if (wrapped) {
        report.complete = true;
        return report;
      }
      wrapped = true;
      after = undefined;
    }
    return report;
  }
  return { scrub, lastReport: () => last };
}
