import { LIMITS } from '@satchel/protocol/limits.ts';
import type { Operation, OperationResult } from '@satchel/protocol/commit.ts';
import type { ObjectRow } from '../../ports/schema.ts';
import { newRow, revivedRow } from './new-row.ts';
import { done, doneAlready, refused } from './outcome.ts';
import { idFault, isAt, placeFault } from './place.ts';
import type { CommitState } from './state.ts';

type SymlinkOperation = Extract<Operation, { op: 'symlink' }>;

/** A new symlink, a new target for one, or a dead one brought back. */
export async function symlink(state: CommitState, operation: SymlinkOperation): Promise<OperationResult> {
  const { objectId, operationId, place, baseTarget, target } = operation;
  const present = await state.load(objectId);
  const foreign = idFault(state, objectId, present);
  if (foreign !== undefined) return foreign;
  if (!target.isWellFormed() || target.includes('\0') || Buffer.byteLength(target) > LIMITS.symlinkTargetBytes)
    return refused(
      'request_invalid',
      `A symlink's text is Unicode of ${LIMITS.symlinkTargetBytes} bytes, without NUL.`,
      {
        present,
      },
    );
  if (present !== undefined && present.kind !== 'symlink')
    return refused('kind_mismatch', `“${present.name}” is a ${present.kind}.`, { present });
  if (present?.deleted_at === null) {
    if (place !== undefined && !isAt(present, place))
      return refused('object_exists', `The symlink stands elsewhere, as “${present.name}”; move it.`, { present });
    if (present.target === target) return doneAlready(state, operationId, present);
    if (present.target !== baseTarget)
      return refused('stale', `The symlink “${present.name}” points elsewhere by now.`, { present });
    return done(await state.apply({ action: 'edit', before: present, after: { ...present, target }, operationId }));
  }
  return create(state, operation, present);
}

async function create(
  state: CommitState,
  { objectId, operationId, place, baseTarget, target }: SymlinkOperation,
  dead: ObjectRow | undefined,
): Promise<OperationResult> {
  if (place === undefined) {
    if (dead === undefined) return refused('not_found', `There is no object ${objectId}; give a place to make it.`);
    return refused('stale', `The symlink “${dead.name}” was deleted.`, { present: dead });
  }
  if (dead !== undefined && dead.target !== baseTarget)
    return refused('stale', `The symlink “${dead.name}” pointed elsewhere when it was deleted.`, { present: dead });
  const fault = await placeFault(state, { objectId, place, present: dead, height: 0 });
  if (fault !== undefined) return fault;
  const row = dead ? revivedRow(dead, place) : newRow(state, { objectId, kind: 'symlink', place });
  return done(
    await state.apply({ action: dead ? 'revive' : 'create', before: dead, after: { ...row, target }, operationId }),
  );
}
