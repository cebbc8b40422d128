import { chunkRanges, type Manifest } from '@satchel/core/manifest.ts';
import type { FileContent } from '@satchel/core/tree.ts';
import { CodedError } from '@satchel/protocol/errors.ts';
import type { ObjectId, UploadId } from '@satchel/protocol/ids.ts';
import type { Applier, StepOf } from '../apply/applier.ts';
import { destination, PART_FOLDER, partPathOf, placeFile, type Placed } from '../apply/arriving.ts';
import { EarlyFlush } from '../apply/early-flush.ts';
import {
  SIGNED_FILE_BYTES,
  type ChunkAt,
  type ChunkTarget,
  type Hashing,
  type LocalCopy,
  type WantedChunk,
} from '../ports/hashing.ts';
import type { Downloader } from '../transfer/download.ts';
import { allIn, createLane } from '../transfer/lane.ts';
import { LARGE_BYTES } from './bundles.ts';
import type { StepOutcome } from './committer.ts';
import { DiskRoom } from './disk-room.ts';
import { manifestOf, type ManifestsDeps } from './manifests.ts';

export interface FileDownloadsDeps extends ManifestsDeps {
  readonly applier: Applier;
  readonly hashing: Hashing;
  readonly downloader: Downloader;
  /** Bytes of files that are on this disk now. */
  readonly progress: (bytes: number) => void;
  /** Ends the prefetch of an object and tells what of its next version lies in the staging folder. */
  readonly takePrefetched: (id: ObjectId) => Promise<Prefetched | undefined>;
  /** Bytes that must stay free on the disk. */
  readonly freeFloorBytes: () => number;
}

/** What was fetched of an upload that was under way. */
export interface Prefetched {
  /** Below the root; nothing writes to it any more. */
  readonly path: string;
  /** Chunks that lie in it, verified, by offset. */
  readonly chunks: ReadonlyMap<number, ChunkAt>;
}

type Download = StepOf<'download'>;

const CANNOT_GIVE: ReadonlySet<string> = new Set(['chunk_damaged', 'chunk_missing', 'not_found']);
/** Copies per message to the hashing threads, which take turns: a long file is copied by all of them. */
const COPIES_AT_ONCE = 32;
const COPYING = 2;

interface Part {
  readonly index: number;
  readonly step: Download;
  readonly content: FileContent;
  readonly manifest: Manifest;
  /** Below the root. */
  readonly path: string;
  /** Something of it lies there from an earlier try. */
  readonly isBegun: boolean;
  /** Chunks that this process has verified and written there, by offset. */
  readonly prefetched?: ReadonlyMap<number, ChunkAt>;
  /** What the hashing thread that writes its only chunk gives it; else it is finished here. */
  readonly finish?: ChunkTarget['finish'];
}

/** A new file of one chunk is complete when that is written. */
function finishOf({ expected, executable, remote }: Download, manifest: Manifest): ChunkTarget['finish'] {
  if (expected !== undefined || manifest.length !== 1) return undefined;
  return { executable, mtimeMs: (remote.content as FileContent).mtimeMs };
}

/**
 * Downloads files of one workspace together: builds them in the staging folder out of chunks on this disk and from
 * the server, flushes them, puts them into place, flushes their names, and only then records them (H84).
 */
export class FileDownloads {
  readonly #deps: FileDownloadsDeps;
  readonly #room: DiskRoom;

  constructor(deps: FileDownloadsDeps) {
    this.#deps = deps;
    const { disk } = deps.applier.deps;
    this.#room = new DiskRoom({ freeBytes: () => disk.freeBytes(), floorBytes: deps.freeFloorBytes });
  }

  async run(steps: readonly Download[], signal: AbortSignal): Promise<readonly StepOutcome[]> {
    const outcome = await this.#tryTogether(steps, signal);
    if (!('outcome' in outcome)) return outcome;
    if (steps.length === 1) return [outcome];
    // One file that cannot be had, or does not fit, must not hold up the others (H59, H102): each on its own.
    const outcomes: StepOutcome[] = [];
    for (const step of steps) outcomes.push(...(await this.run([step], signal)));
    return outcomes;
  }

  /** @returns one outcome where it is that of all */
  async #tryTogether(steps: readonly Download[], signal: AbortSignal): Promise<readonly StepOutcome[] | StepOutcome> {
    const needed = steps.reduce((sum, { remote }) => sum + (remote.content as FileContent).size, 0);
    const room = await this.#room.begin(needed);
    if (!room.fits) {
      const detail = `the disk has ${room.freeBytes} bytes free and the download needs ${needed}: make room, it goes on by itself`;
      return { outcome: 'refused', code: 'disk_full', detail };
    }
    try {
      return await this.#together(steps, signal);
    } catch (error) {
      if (!(error instanceof CodedError && CANNOT_GIVE.has(error.code))) throw error;
      return { outcome: 'refused', code: error.code, detail: error.message };
    } finally {
      room.end();
    }
  }

  async #together(steps: readonly Download[], signal: AbortSignal): Promise<readonly StepOutcome[]> {
    const outcomes: StepOutcome[] = steps.map(() => ({ outcome: 'dropped' }));
    const { disk } = this.#deps.applier.deps;
    const parts: Part[] = [];
    const lying = new Set(disk.list(PART_FOLDER)?.entries.map(({ name }) => `${PART_FOLDER}/${name}`));
    for (const [index, step] of steps.entries()) {
      const content = step.remote.content as FileContent;
      const manifest = await manifestOf(this.#deps, step.remote, signal);
      const path = partPathOf(step.objectId, content);
      // A part that could not be removed after its file was put into place is that very file: never write to it.
      const isPlaced = lying.has(path) && (disk.stat(path)?.links ?? 1) > 1;
      if (isPlaced) disk.removeFile(path);
      const prefetched = content.size < LARGE_BYTES ? undefined : await this.#deps.takePrefetched(step.objectId);
      const isTaken = prefetched !== undefined && (await disk.rename(prefetched.path, path)) === 'renamed';
      const isBegun = lying.has(path) && !isPlaced;
      const finish = isBegun || isTaken ? undefined : finishOf(step, manifest);
      const more = {
        ...(isTaken ? { prefetched: prefetched.chunks } : {}),
        ...(finish === undefined ? {} : { finish }),
      };
      parts.push({ index, step, content, manifest, path, isBegun, ...more });
    }
    await this.#fill(parts, signal);
    for (const { content, step, path, finish } of parts) {
      if (finish !== undefined) continue;
      const { size: sizeBytes, mtimeMs } = content;
      const mode = step.expected === undefined ? undefined : this.#deps.trees.local.get(step.objectId)?.stat.mode;
      disk.finish(path, {
        sizeBytes,
        executable: step.executable,
        mtimeMs,
        ...(mode === undefined ? {} : { mode }),
      });
    }
    for (const index of await this.#place(parts)) outcomes[index] = { outcome: 'done' };
    return outcomes;
  }

  /** Chunks from this disk first, then from the server. */
  async #fill(parts: readonly Part[], signal: AbortSignal): Promise<void> {
    const { disk } = this.#deps.applier.deps;
    const wants = wantsOf(parts, (path) => disk.absolute(path));
    const begun = new Map(
      parts
        .filter(({ isBegun, prefetched }) => prefetched === undefined && isBegun)
        .map(({ index, path }) => [index, disk.absolute(path)]),
    );
    const found = new Set(wants.flatMap((want, at) => (isPrefetched(want, parts) ? [at] : [])));
    const copies = wants.flatMap((want, at) =>
      found.has(at) ? [] : (this.#begunSource(want, at, begun) ?? this.#localSource(want, at)),
    );
    const long = parts.find(({ content }) => content.size >= LARGE_BYTES);
    const early = new EarlyFlush(async () => disk.flush(long === undefined ? [] : [long.path]));
    const wrote = (bytes: number) => long !== undefined && early.wrote(bytes);
    await allIn(createLane(COPYING), slicesOf(copies, COPIES_AT_ONCE), signal, async (some, either) => {
      const asked = some.map(({ copy }) => copy);
      for (const at of await this.#deps.hashing.copyLocal(asked, either)) {
        found.add(some[at]?.at ?? -1);
        wrote(some[at]?.copy.size ?? 0);
      }
    });
    const rest = wants.filter((_, at) => !found.has(at));
    const [first] = parts;
    if (rest.length === 0 || first === undefined) return early.end();
    const request = {
      workspaceId: first.step.workspaceId,
      wanted: rest.map((want) => this.#withBase(want, parts)),
      done: (indices: readonly number[]) => {
        for (const at of indices) {
          this.#deps.progress(rest[at]?.size ?? 0);
          wrote(rest[at]?.size ?? 0);
        }
      },
    };
    await this.#deps.downloader.fetchChunks(request, signal);
    await early.end();
  }

  /** What an earlier try, or the prefetch of an upload under way, has already put at its place. */
  #begunSource(
    want: Want,
    at: number,
    begun: ReadonlyMap<number, string>,
  ): { at: number; copy: LocalCopy }[] | undefined {
    const path = want.parts.map((index) => begun.get(index)).find((known) => known !== undefined);
    const target = want.targets.find((one) => one.path === path);
    if (path === undefined || target === undefined) return undefined;
    return [
      {
        at,
        copy: {
          id: want.id,
          size: want.size,
          from: { path, offset: target.offset },
          targets: want.targets,
        },
      },
    ];
  }

  #localSource(want: Want, at: number): { at: number; copy: LocalCopy }[] {
    const { chunks, applier } = this.#deps;
    for (const { objectId, offset } of chunks.sources(want.id)) {
      const path = applier.deps.tree.pathOf(objectId);
      if (path === undefined) continue;
      const from = { path: applier.deps.disk.absolute(path), offset };
      return [{ at, copy: { id: want.id, size: want.size, from, targets: want.targets } }];
    }
    return [];
  }

  /** The old chunk around the same place of the file that is replaced: the server may send the difference to it. */
  #withBase(want: Want, parts: readonly Part[]): WantedChunk {
    const { id, size, targets } = want;
    const part = parts[want.parts[0] ?? 0];
    const expected = part?.step.expected?.content;
    const path = part === undefined ? undefined : this.#deps.applier.deps.tree.pathOf(part.step.objectId);
    if (part === undefined || expected?.kind !== 'file' || path === undefined) return { id, size, targets };
    const old = this.#deps.chunks.manifest(expected.hash, expected.size);
    const base = old === undefined ? undefined : baseFor(want, part.manifest, old);
    if (base === undefined) return { id, size, targets };
    return {
      id,
      size,
      targets,
      base: { ...base, path: this.#deps.applier.deps.disk.absolute(path) },
    };
  }

  async #place(parts: readonly Part[]): Promise<readonly number[]> {
    const { applier } = this.#deps;
    const { disk, reserve, transaction, intents } = applier.deps;
    await disk.flush(parts.length > 8 ? undefined : parts.map(({ path }) => path));
    const paths = parts.flatMap(({ step }) => destination(applier, step) ?? []);
    const staged = parts.map(({ path }) => disk.stat(path));
    const intended = parts.flatMap(({ step }, at) => {
      const ino = staged[at]?.ino;
      return ino === undefined ? [] : [{ step, ino }];
    });
    // Also what is displaced: found elsewhere before the swap is recorded, it would pass for the object that moved.
    const displaced = parts.flatMap(({ step }) => this.#deps.trees.local.get(step.objectId)?.stat.ino ?? []);
    using reservation = reserve(paths, [...intended.map(({ ino }) => ino), ...displaced]);
    reservation satisfies Disposable;
    const noted = intents.add(intended);
    const placed: { readonly index: number; readonly file: Placed; readonly part: string }[] = [];
    let failure: { readonly error: unknown } | undefined;
    for (const [at, { index, step, path }] of parts.entries()) {
      try {
        const file = await placeFile(applier, step, { path, stat: staged[at] });
        if (file !== undefined) placed.push({ index, file, part: path });
      } catch (error) {
        failure ??= { error };
      }
    }
    try {
      await this.#flushNames(placed.map(({ file }) => file.path));
    } catch (error) {
      failure ??= { error };
    }
    transaction(() => {
      for (const { file } of placed) this.#record(file);
      intents.drop(noted);
    });
    for (const { part } of placed) disk.removeFile(part);
    // What stands at its place is recorded in any case; the rest fails for its reason.
    if (failure !== undefined) throw failure.error;
    return placed.map(({ index }) => index);
  }

  async #flushNames(paths: readonly string[]): Promise<void> {
    const { disk } = this.#deps.applier.deps;
    const folders = new Set(paths.map((path) => path.slice(0, Math.max(0, path.lastIndexOf('/')))));
    if (paths.length === 0) return;
    try {
      // The contents are flushed already: an fsync of each folder costs less than starting a program that does it all.
      await disk.flush([...folders]);
    } catch {
      // A folder was moved meanwhile and has another path now, or the disk failed once.
      await disk.flush();
    }
  }

  #record({ step, arrival }: Placed): void {
    const { applier, chunks } = this.#deps;
    applier.recordArrival(step, arrival);
    const content = step.remote.content as FileContent;
    // Of a new short file nothing is known.
    if (step.expected === undefined && content.size < SIGNED_FILE_BYTES) return;
    const manifest = chunks.manifest(content.hash, content.size);
    if (manifest !== undefined) chunks.indexObject(step.objectId, manifest);
  }
}

function* slicesOf<T>(items: readonly T[], length: number): Generator<readonly T[]> {
  for (let from = 0; from < items.length; from += length) yield items.slice(from, from + length);
}

/** Where the chunks of an object's next version are gathered before their list is known: two uploads never mix. */
export function prefetchPathOf(objectId: ObjectId, uploadId: UploadId): string {
  return `${PART_FOLDER}/${objectId}.next.${uploadId}`;
}

interface Want extends WantedChunk {
  /** Indices of the files that it belongs to; at least one. */
  readonly parts: readonly number[];
  readonly offset: number;
}

function isPrefetched(want: Want, parts: readonly Part[]): boolean {
  const prefetched = parts[want.parts[0] ?? 0]?.prefetched;
  return want.targets.length === 1 && prefetched?.get(want.offset)?.id === want.id;
}

/** Each chunk once, with every place that it is wanted at. */
function wantsOf(parts: readonly Part[], absolute: (path: string) => string): readonly Want[] {
  const byId = new Map<string, Want & { parts: number[]; targets: WantedChunk['targets'][number][] }>();
  for (const { index, manifest, path, finish } of parts) {
    for (const { id, size, offset } of chunkRanges(manifest)) {
      const known = byId.get(id);
      const target = { path: absolute(path), offset, ...(finish === undefined ? {} : { finish }) };
      if (known === undefined) byId.set(id, { id, size, offset, parts: [index], targets: [target] });
      else {
        known.parts.push(index);
        known.targets.push(target);
      }
    }
  }
  return [...byId.values()];
}

function baseFor(
  want: Want,
  next: Manifest,
  old: Manifest,
): { id: Want['id']; size: number; offset: number } | undefined {
  const kept = new Set(next.map(({ id }) => id));
  let nearest: { id: Want['id']; size: number; offset: number; distance: number } | undefined;
  for (const { id, size, offset } of chunkRanges(old)) {
    if (kept.has(id)) continue;
    const distance = Math.abs(offset - want.offset);
    if (nearest === undefined || distance < nearest.distance) nearest = { id, size, offset, distance };
  }
  return nearest === undefined ? undefined : { id: nearest.id, size: nearest.size, offset: nearest.offset };
}
