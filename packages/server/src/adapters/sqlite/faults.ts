import { CodedError } from '@satchel/protocol/errors.ts';

/** Primary result codes of SQLite (sqlite.org/rescode.html) that are faults of the machine and not of a query. */
const FULL = 13;
const MACHINE_FAULTS: Readonly<Record<number, string>> = {
  5: 'it is locked by another process',
  7: 'there is no memory left',
  8: 'it is read-only',
  10: 'the disk failed',
  11: 'it is damaged',
  14: 'it cannot be opened',
  26: 'the file is not a database',
};

/** Faults of the machine as the port declares them (D7); anything else as it is. */
export function databaseFault(error: unknown): unknown {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return error;
  const code = error.errcode & 0xff;
  if (code === FULL)
    return new CodedError('storage_full', 'The metadata database cannot grow: the disk is full.', { cause: error });
  const reason = MACHINE_FAULTS[code];
  if (reason === undefined) return error;
  return new CodedError('unavailable', `The metadata database cannot be used: ${reason}.`, {
    cause: error,
    retryAfterS: 5,
  });
}
