import { slotOf } from './diff.ts';
import type { Step } from './step.ts';
import type { Place } from './tree.ts';

interface Use {
  lastChange?: number;
  /** Since the last change. */
  readonly reads: number[];
}

/**
 * For each of the ordered steps of one side the indices of those it must follow. Two steps may change places unless
 * both touch one thing and one of them changes it: the object itself, a name taken or left, a folder that must exist
 * (read by what goes into it or out of it, changed by what makes, moves or removes it).
 */
export function dependencies(
  ordered: readonly { readonly step: Step; readonly from: Place | undefined }[],
  firstIndex: number,
): readonly (readonly number[])[] {
  const uses = new Map<string, Use>();
  const useOf = (key: string): Use => {
    const use = uses.get(key) ?? { reads: [] };
    uses.set(key, use);
    return use;
  };
  return ordered.map(({ step, from }, offset) => {
    const index = firstIndex + offset;
    const after = new Set<number>();
    const to = 'to' in step ? step.to : 'place' in step ? step.place : undefined;
    const leaves = from && (step.kind === 'delete' || step.kind === 'removeLocal' || to) ? from : undefined;
    const places = [to, leaves].filter((place) => place !== undefined);
    for (const { parentId } of places) {
      const use = useOf(parentId);
      if (use.lastChange !== undefined) after.add(use.lastChange);
      use.reads.push(index);
    }
    for (const key of [step.objectId, ...places.map(slotOf)]) {
      const use = useOf(key);
      if (use.lastChange !== undefined) after.add(use.lastChange);
      for (const read of use.reads) after.add(read);
      use.reads.length = 0;
      use.lastChange = index;
    }
    after.delete(index);
    return [...after];
  });
}
