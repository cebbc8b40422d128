import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { AdminAnswer } from './administration/admin-socket.ts';
import { BackupFault } from './backup/fault.ts';
import { snapshotsOf, openBackupFolder } from './backup/folder.ts';
import type { Config } from './config.ts';
import { ConfigError, wholeNumber } from './config-values.ts';
import { backUp, restore, type Say } from './compose-backup.ts';

const KEEP = '7';
/** Done, and something was wrong with the server itself. */
const PARTLY = 9;

/**
 * Runs `backup` or `restore`, here and not in a server that runs, which thus has its processor for its users.
 * @throws ConfigError for what cannot be understood
 */
export async function runBackupCommand(
  config: Config,
  [command = '', ...argv]: readonly string[],
  say: Say,
): Promise<AdminAnswer> {
  try {
    return await (command === 'backup' ? backupCommand : restoreCommand)(config, argv, say);
  } catch (error) {
    const { message, code } = error as Error & { code?: string };
    if (error instanceof BackupFault) return { exit: error.exit, text: message, data: { error: code, message } };
    if (code?.startsWith('ERR_PARSE_ARGS')) throw new ConfigError(message, { cause: error });
    throw error;
  }
}

async function backupCommand(config: Config, argv: readonly string[], say: Say): Promise<AdminAnswer> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    options: {
      keep: { type: 'string', default: KEEP },
      'no-verify': { type: 'boolean', default: false },
      'with-key': { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
    },
    allowPositionals: true,
  });
  const folder = onlyFolder(positionals, 'backup DIR [--keep N] [--no-verify] [--with-key] [--list]');
  if (values.list) return listed(folder);
  const { keep, 'no-verify': noVerify, 'with-key': withKey } = values;
  const report = await backUp(config, { folder, verify: !noVerify, keep: wholeNumber(keep), withKey }, say);
  const faults = report.faults.map(({ code, detail, repair }) => `  ${code}: ${detail} — ${repair}`);
  const lines = [
    `${report.snapshot} is ${report.state}: ${report.copiedObjects} of ${report.objects} objects were copied.`,
    report.state === 'unverified' ? 'It does not count until a backup without --no-verify was made.' : '',
    withKey
      ? `The key file is in the backup: whoever has ${folder} can read everything.`
      : `The key file ${config['key-file']} is not in it. Keep a copy apart: without it the backup cannot be read.`,
    faults.length > 0 ? 'The server itself has faults, which are in the backup as well:' : '',
    ...faults,
  ];
  const answer = { folder, keyFile: config['key-file'], withKey, ...report };
  return { exit: faults.length > 0 ? PARTLY : 0, text: lines.filter(Boolean).join('\n'), data: answer };
}

async function listed(folder: string): Promise<AdminAnswer> {
  await openBackupFolder(folder);
  const snapshots = (await snapshotsOf(folder)).map(({ name, manifest }) => ({
    snapshot: name,
    state: manifest.state,
    faults: manifest.faults.length,
    productVersion: manifest.productVersion,
    objects: manifest.objects.count,
    sizeBytes: manifest.objects.sizeBytes,
  }));
  const lines = snapshots.map((each) => `${each.snapshot} ${each.state} ${each.objects} objects ${each.faults} faults`);
  return { exit: 0, text: lines.join('\n'), data: { snapshots } };
}

async function restoreCommand(config: Config, argv: readonly string[], say: Say): Promise<AdminAnswer> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    options: { snapshot: { type: 'string' }, 'no-verify': { type: 'boolean', default: false } },
    allowPositionals: true,
  });
  const folder = onlyFolder(positionals, 'restore DIR [--snapshot NAME] [--no-verify]');
  const report = await restore(config, { folder, snapshot: values.snapshot, verify: !values['no-verify'] }, say);
  const findings = report.findings.map(({ code, detail, repair }) => `  ${code}: ${detail} — ${repair}`);
  const lines = [
    `${config.data} is as of ${report.takenAt}. Every device will merge by content; none deletes anything.`,
    'Devices and passwords are as they were then: sign out again what was signed out since.',
    findings.length > 0 ? 'What was wrong with the server when it was copied is wrong still:' : '',
    ...findings,
  ];
  const exit = findings.length > 0 ? PARTLY : 0;
  return { exit, text: lines.filter(Boolean).join('\n'), data: { data: config.data, ...report } };
}

function onlyFolder(positionals: readonly string[], usage: string): string {
  const [folder] = positionals;
  if (folder === undefined || positionals.length > 1) throw new ConfigError(`usage: satchel admin ${usage}`);
  return resolve(folder);
}
