import type { ObjectRow } from '../../ports/schema.ts';
import { allowanceOf } from '../quota.ts';
import { refused, type Refusal } from './outcome.ts';
import type { CommitState } from './state.ts';

/** Why so many bytes more do not fit (S8). What frees space or keeps it is never refused. */
export async function roomFault(
  state: CommitState,
  growth: number,
  present: ObjectRow | undefined,
): Promise<Refusal | undefined> {
  if (growth <= 0) return undefined;
  state.allowance ??= await allowanceOf(state.parts, state.on, state.workspace);
  const free = state.allowance - state.usedBytes;
  if (growth <= free) return undefined;
  return refused(
    'quota_exceeded',
    `The file needs ${growth} bytes more, and ${Math.max(0, free)} are left of the owner's quota.`,
    { present },
  );
}
