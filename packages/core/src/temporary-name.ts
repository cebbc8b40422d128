import type { ObjectId } from '@satchel/protocol/ids.ts';

/**
 * The name an object takes for a moment, in the folder where it lies, so that others can use the one it had (H31).
 * Whoever finds an object under it knows that a plan was interrupted there.
 */
export function temporaryName(id: ObjectId): string {
  return `.~${id}`;
}

/** For one that has its temporary name already, when just that is what another one wants. */
export function otherTemporaryName(id: ObjectId): string {
  return `${temporaryName(id)}~`;
}

export function isTemporaryName(name: string, id: ObjectId): boolean {
  return name === temporaryName(id) || name === otherTemporaryName(id);
}
