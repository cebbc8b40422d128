import { CodedError } from '@satchel/protocol/errors.ts';

export function isSystemError(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && codes.includes(error.code);
}

/** B6: a full disk or an exceeded disk quota is `storage_full`, every other fault of the disk `unavailable`. */
export function diskFault(action: string, error: unknown): CodedError {
  if (error instanceof CodedError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  if (isSystemError(error, 'ENOSPC', 'EDQUOT'))
    return new CodedError('storage_full', `${action}: the disk of the server is full; free space or add a disk`, {
      cause: error,
    });
  return new CodedError('unavailable', `${action}: the disk of the server failed (${reason})`, { cause: error });
}
