import type { Operation, OperationResult } from '@satchel/protocol/commit.ts';
import { newRow, revivedRow } from './new-row.ts';
import { done, doneAlready, refused } from './outcome.ts';
import { idFault, isAt, placeFault } from './place.ts';
import type { CommitState } from './state.ts';

/** A new folder, or a dead one brought back. One that stands there already is done. */
export async function mkdir(
  state: CommitState,
  { objectId, operationId, place }: Extract<Operation, { op: 'mkdir' }>,
): Promise<OperationResult> {
  const present = await state.load(objectId);
  const foreign = idFault(state, objectId, present);
  if (foreign !== undefined) return foreign;
  if (present !== undefined && present.kind !== 'folder')
    return refused('kind_mismatch', `“${present.name}” is a ${present.kind}.`, { present });
  if (present?.deleted_at === null) {
    if (isAt(present, place)) return doneAlready(state, operationId, present);
    return refused('object_exists', `The folder stands elsewhere, as “${present.name}”; move it.`, { present });
  }
  const fault = await placeFault(state, { objectId, place, present, height: 0 });
  if (fault !== undefined) return fault;
  const after = present ? revivedRow(present, place) : newRow(state, { objectId, kind: 'folder', place });
  return done(await state.apply({ action: present ? 'revive' : 'create', before: present, after, operationId }));
}
