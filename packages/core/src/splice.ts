import { LIMITS } from '@satchel/protocol/limits.ts';
import type { ChunkRef, SpliceEdit } from '@satchel/protocol/objects.ts';
import { manifestFault, type Manifest, type ManifestFault } from './manifest.ts';
import { failure, success, type Result } from './result.ts';

/**
 * The difference of two chunk lists as edits against the base, so that a small change of a long file costs a few
 * entries and not the list. Edits ascend, do not overlap or touch, and their `at` counts in the base.
 */

/** Indices [baseFrom, baseTo) of the base stand against [nextFrom, nextTo) of the other list. */
interface Region {
  readonly baseFrom: number;
  readonly baseTo: number;
  readonly nextFrom: number;
  readonly nextTo: number;
}

function sameChunk(a: Readonly<ChunkRef> | undefined, b: Readonly<ChunkRef> | undefined): boolean {
  return a !== undefined && b !== undefined && a.id === b.id && a.size === b.size;
}

/** The region without the equal entries at its beginning and end. */
function trim(base: Manifest, next: Manifest, region: Region): Region {
  let { baseFrom, baseTo, nextFrom, nextTo } = region;
  while (baseFrom < baseTo && nextFrom < nextTo && sameChunk(base[baseFrom], next[nextFrom])) {
    baseFrom++;
    nextFrom++;
  }
  while (baseFrom < baseTo && nextFrom < nextTo && sameChunk(base[baseTo - 1], next[nextTo - 1])) {
    baseTo--;
    nextTo--;
  }
  return { baseFrom, baseTo, nextFrom, nextTo };
}

/**
 * Pairs entries of both lists: the k-th occurrence of a chunk in one with the k-th in the other. Numbering the
 * occurrences makes every entry unique, so runs of one chunk (a sparse file) need no special case.
 * @returns [base index, next index] with ascending next index
 */
function pairOccurrences(base: Manifest, next: Manifest, region: Region): readonly (readonly [number, number])[] {
  const places = new Map<string, { readonly indices: number[]; used: number }>();
  for (let index = region.baseFrom; index < region.baseTo; index++) {
    const chunk = base[index];
    if (chunk === undefined) break;
    const place = places.get(chunk.id);
    if (place === undefined) places.set(chunk.id, { indices: [index], used: 0 });
    else place.indices.push(index);
  }
  const pairs: (readonly [number, number])[] = [];
  for (let index = region.nextFrom; index < region.nextTo; index++) {
    const chunk = next[index];
    const place = chunk === undefined ? undefined : places.get(chunk.id);
    const baseIndex = place?.indices[place.used];
    if (place === undefined || baseIndex === undefined) continue;
    place.used++;
    if (sameChunk(base[baseIndex], chunk)) pairs.push([baseIndex, index]);
  }
  return pairs;
}

/** The longest run of pairs whose base indices ascend (patience sorting, n log n). */
function longestAscending(pairs: readonly (readonly [number, number])[]): readonly (readonly [number, number])[] {
  const tails: number[] = [];
  const previous = new Int32Array(pairs.length).fill(-1);
  for (const [index, [baseIndex]] of pairs.entries()) {
    let low = 0;
    let high = tails.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const tail = pairs[tails[middle] ?? -1];
      if (tail !== undefined && tail[0] < baseIndex) low = middle + 1;
      else high = middle;
    }
    previous[index] = tails[low - 1] ?? -1;
    tails[low] = index;
  }
  const run: (readonly [number, number])[] = [];
  for (let index = tails.at(-1) ?? -1; index >= 0; index = previous[index] ?? -1) {
    const pair = pairs[index];
    if (pair !== undefined) run.push(pair);
  }
  return run.reverse();
}

/** The edits that make `next` of `base`; none when they are equal. Time n log n. */
export function spliceOf(base: Manifest, next: Manifest): readonly SpliceEdit[] {
  const whole = trim(base, next, { baseFrom: 0, baseTo: base.length, nextFrom: 0, nextTo: next.length });
  const anchors = longestAscending(pairOccurrences(base, next, whole));
  const edits: SpliceEdit[] = [];
  let { baseFrom, nextFrom } = whole;
  for (const [baseTo, nextTo] of [...anchors, [whole.baseTo, whole.nextTo] as const]) {
    const gap = trim(base, next, { baseFrom, baseTo, nextFrom, nextTo });
    if (gap.baseFrom < gap.baseTo || gap.nextFrom < gap.nextTo) {
      const insert = next.slice(gap.nextFrom, gap.nextTo).map(({ id, size }) => ({ id, size }));
      edits.push({ at: gap.baseFrom, remove: gap.baseTo - gap.baseFrom, insert });
    }
    baseFrom = baseTo + 1;
    nextFrom = nextTo + 1;
  }
  return edits;
}

function editFault(edit: SpliceEdit, from: number, baseLength: number): ManifestFault['reason'] | undefined {
  const { at, remove } = edit;
  if (!Number.isSafeInteger(at) || !Number.isSafeInteger(remove) || at < 0 || remove < 0) return 'edit_invalid';
  if (at < from) return 'edit_out_of_order';
  return at > baseLength || remove > baseLength - at ? 'edit_out_of_range' : undefined;
}

/** `base` with the edits applied. Refuses edits that overlap, descend, leave the base, or make a bad manifest. */
export function applySplice(base: Manifest, edits: readonly SpliceEdit[]): Result<Manifest, ManifestFault> {
  const next: Readonly<ChunkRef>[] = [];
  let from = 0;
  for (const edit of edits) {
    const reason = editFault(edit, from, base.length);
    if (reason !== undefined) return failure({ code: 'manifest_invalid', reason });
    if (next.length + (edit.at - from) + edit.insert.length > LIMITS.chunksPerFile)
      return failure({ code: 'manifest_invalid', reason: 'too_many_chunks' });
    for (let index = from; index < edit.at; index++) next.push(base[index] as ChunkRef);
    for (const chunk of edit.insert) next.push(chunk);
    from = edit.at + edit.remove;
  }
  for (let index = from; index < base.length; index++) next.push(base[index] as ChunkRef);
  const fault = manifestFault(next);
  return fault === undefined ? success(next) : failure(fault);
}
