/** Why a backup or a restore ends without having been done; `exit` is the exit code of the command line. */
export const BACKUP_FAULTS = {
  backup_foreign: { exit: 5, title: 'the folder holds something else than a backup' },
  backup_of_another: { exit: 5, title: 'the folder holds the backups of another server' },
  backup_newer: { exit: 1, title: 'a newer Satchel made the backup' },
  backup_damaged: { exit: 1, title: 'the backup is damaged' },
  backup_missing: { exit: 4, title: 'there is no such backup' },
  backup_in_use: { exit: 8, title: 'another command uses the backup' },
  hold_lost: { exit: 8, title: 'the server ended while it was copied' },
  data_missing: { exit: 4, title: 'there is no server data' },
  data_not_empty: { exit: 5, title: 'the data folder is not empty' },
  key_missing: { exit: 4, title: 'the key file is missing' },
  key_wrong: { exit: 1, title: 'the key file is another one' },
  storage_full: { exit: 8, title: 'a disk is full' },
  folder_unusable: { exit: 1, title: 'a folder cannot be used' },
} as const satisfies Record<string, { readonly exit: number; readonly title: string }>;

export type BackupFaultCode = keyof typeof BACKUP_FAULTS;

/** The message names the thing, the reason and what to do. */
export class BackupFault extends Error {
  override readonly name = 'BackupFault';
  readonly code: BackupFaultCode;

  constructor(code: BackupFaultCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  get exit(): number {
    return BACKUP_FAULTS[this.code].exit;
  }
}
