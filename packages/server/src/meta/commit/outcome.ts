import type { ErrorCode } from '@satchel/protocol/errors.ts';
import type { OperationId } from '@satchel/protocol/ids.ts';
import type { OperationResult } from '@satchel/protocol/commit.ts';
import type { ObjectRow } from '../../ports/schema.ts';
import { recordOf } from '../records.ts';
import type { CommitState } from './state.ts';

export type Refusal = Extract<OperationResult, { outcome: 'refused' }>;

export interface RefusalFacts {
  /** The present row of the object. */
  readonly present?: ObjectRow | undefined;
  readonly taken?: ObjectRow;
  readonly missing?: readonly string[];
}

export function refused(code: ErrorCode, detail: string, facts: RefusalFacts = {}): Refusal {
  return {
    outcome: 'refused',
    code,
    detail,
    ...(facts.present ? { object: recordOf(facts.present) } : {}),
    ...(facts.taken ? { taken: recordOf(facts.taken) } : {}),
    ...(facts.missing ? { missing: [...facts.missing] } : {}),
  };
}

export function done(row: ObjectRow): OperationResult {
  return { outcome: 'done', object: recordOf(row) };
}

/** What was asked for is so already: nothing changes, and a repetition gets the same answer. */
export async function doneAlready(
  state: CommitState,
  operationId: OperationId,
  row: ObjectRow,
): Promise<OperationResult> {
  await state.remember(operationId, row);
  return done(row);
}
