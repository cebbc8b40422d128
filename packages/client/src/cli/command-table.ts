import type { ArgumentSpec, CommandSpec, FlagSpec } from './command-spec.ts';
import { DRIVE_COMMANDS } from './command-table-drive.ts';

const PATHS: readonly ArgumentSpec[] = [{ name: 'PATH', optional: true, many: true, completes: 'files' }];
const SERVER: FlagSpec = { name: 'server', value: 'URL', help: 'address of the server' };
const EMAIL: FlagSpec = { name: 'email', value: 'ADDRESS', help: 'e-mail address of the account' };
const PASSWORD: FlagSpec = {
  name: 'password-file',
  value: 'FILE',
  help: 'file with the password; - for stdin (else it is asked for)',
};
const DEVICE_NAME: FlagSpec = { name: 'device-name', value: 'NAME', help: 'how this device is called' };
const TIMEOUT: FlagSpec = {
  name: 'timeout',
  value: 'SECONDS',
  help: 'give up after so long (else when the server is away for 20 s)',
};
const SIGN_IN: readonly FlagSpec[] = [SERVER, EMAIL, PASSWORD, DEVICE_NAME];

const ACCOUNT_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'signup',
    summary: 'make an account and sign this device in',
    flags: [
      ...SIGN_IN,
      { name: 'invite-file', value: 'FILE', help: 'file with the invitation that some servers ask for; - for stdin' },
    ],
    load: async () => (await import('../commands/sign-in.ts')).signup,
  },
  {
    name: 'login',
    summary: 'sign this device in',
    flags: SIGN_IN,
    load: async () => (await import('../commands/sign-in.ts')).login,
  },
  {
    name: 'logout',
    summary: 'sign this device out; files stay where they are',
    load: async () => (await import('../commands/logout.ts')).logout,
  },
  {
    name: 'whoami',
    summary: 'the account of this device, its plan and what it uses',
    load: async () => (await import('../commands/whoami.ts')).whoami,
  },
  {
    name: 'plan ls',
    isDefault: true,
    summary: 'plans of the server and which one the account has',
    load: async () => (await import('../commands/whoami.ts')).planList,
  },
  {
    name: 'device ls',
    isDefault: true,
    summary: 'devices that are signed in',
    load: async () => (await import('../commands/device.ts')).deviceList,
  },
  {
    name: 'device revoke',
    summary: 'sign a device out from afar',
    args: [{ name: 'DEVICE' }],
    load: async () => (await import('../commands/device.ts')).deviceRevoke,
  },
];

const FOLDER_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'link',
    summary: 'make DIR the synced folder of this device; what is in it is merged, nothing is deleted',
    args: [{ name: 'DIR', completes: 'folders' }],
    flags: [
      { name: 'dry-run', help: 'only print what would be uploaded, downloaded, joined and kept twice' },
      { name: 'adopt', help: 'take over a folder that another device synced and does not sync any more' },
    ],
    load: async () => (await import('../commands/link.ts')).link,
  },
  {
    name: 'unlink',
    summary: 'stop syncing the folder; all files stay, here and on the server',
    load: async () => (await import('../commands/unlink.ts')).unlink,
  },
  {
    name: 'start',
    summary: 'start syncing in the background',
    flags: [
      { name: 'foreground', help: 'run in this terminal until stopped; the log goes to stderr' },
      { name: 'log-file', value: 'FILE', help: 'write the log there, with rotation' },
    ],
    endsWithinMs: 9_500,
    load: async () => (await import('../commands/start.ts')).start,
  },
  { name: 'stop', summary: 'end the daemon', load: async () => (await import('../commands/stop.ts')).stop },
  {
    name: 'restart',
    summary: 'stop and start again',
    load: async () => (await import('../commands/stop.ts')).restart,
  },
  {
    name: 'service install',
    summary: 'start with the session of the user (systemd)',
    flags: [{ name: 'no-start', help: 'do not start it now' }],
    load: async () => (await import('../commands/service.ts')).serviceInstall,
  },
  {
    name: 'service uninstall',
    summary: 'undo "service install"',
    load: async () => (await import('../commands/service.ts')).serviceUninstall,
  },
  {
    name: 'status',
    summary: 'whether everything is in sync, and what is not',
    args: PATHS,
    flags: [{ name: 'watch', help: 'go on and print each change' }],
    load: async () => (await import('../commands/status.ts')).status,
  },
  {
    name: 'wait',
    summary: 'return once everything known here and on the server is in sync',
    flags: [TIMEOUT],
    load: async () => (await import('../commands/wait.ts')).wait,
  },
  {
    name: 'pause',
    summary: 'stop transferring; outlives a restart',
    flags: [{ name: 'for', value: 'DURATION', help: 'resume by itself after 30m, 2h …' }],
    load: async () => (await import('../commands/pause.ts')).pause,
  },
  { name: 'resume', summary: 'go on', load: async () => (await import('../commands/pause.ts')).resume },
  {
    name: 'sync now',
    summary: 'look at the disk and ask the server at once',
    load: async () => (await import('../commands/pause.ts')).syncNow,
  },
  {
    name: 'held ls',
    isDefault: true,
    summary: 'what a guard holds back',
    load: async () => (await import('../commands/held.ts')).heldList,
  },
  {
    name: 'held accept',
    summary: 'let it through',
    load: async () => (await import('../commands/held.ts')).heldAccept,
  },
  {
    name: 'held undo',
    summary: 'put it back as it was',
    load: async () => (await import('../commands/held.ts')).heldUndo,
  },
  {
    name: 'activity',
    summary: 'what happened on this device',
    flags: [
      { name: 'follow', short: 'f', help: 'go on and print what happens' },
      { name: 'count', short: 'n', value: 'N', help: 'so many (20)' },
    ],
    load: async () => (await import('../commands/activity.ts')).activity,
  },
  {
    name: 'doctor',
    summary: 'check disk, state and server against each other, and mend what can be mended',
    load: async () => (await import('../commands/doctor.ts')).doctor,
  },
  {
    name: 'exclude ls',
    isDefault: true,
    summary: 'folders that are not wanted on this device, all or those in PATH',
    args: [{ name: 'PATH', optional: true, completes: 'folders' }],
    load: async () => (await import('../commands/exclude.ts')).excludeList,
  },
  {
    name: 'exclude add',
    summary: 'keep a folder off this device; it stays on the server',
    args: [{ name: 'PATH', completes: 'folders' }],
    load: async () => (await import('../commands/exclude.ts')).excludeAdd,
  },
  {
    name: 'exclude rm',
    summary: 'have a folder on this device again',
    args: [{ name: 'PATH', completes: 'folders' }],
    load: async () => (await import('../commands/exclude.ts')).excludeRemove,
  },
  {
    name: 'ignore why',
    summary: 'which rule keeps a file on this device only',
    args: [{ name: 'PATH', completes: 'files' }],
    load: async () => (await import('../commands/exclude.ts')).ignoreWhy,
  },
  {
    name: 'limit',
    summary: 'show or set bandwidth limits',
    flags: [
      { name: 'up', value: 'RATE', help: 'upload: 5M, 500K, off' },
      { name: 'down', value: 'RATE', help: 'download: 5M, 500K, off' },
    ],
    load: async () => (await import('../commands/limit.ts')).limit,
  },
  {
    name: 'conflicts ls',
    isDefault: true,
    summary: 'conflicted copies, all or those in PATH',
    args: [{ name: 'PATH', optional: true, completes: 'folders' }],
    load: async () => (await import('../commands/conflicts.ts')).conflictList,
  },
  {
    name: 'conflicts resolve',
    summary: 'settle a conflicted copy',
    args: [{ name: 'PATH', completes: 'files' }],
    flags: [
      {
        name: 'keep',
        value: 'WHICH',
        choices: ['local', 'remote', 'both'],
        help: 'local: the copy; remote: the file of that name; both',
      },
    ],
    load: async () => (await import('../commands/conflicts.ts')).conflictResolve,
  },
];

const OTHER_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'config ls',
    isDefault: true,
    summary: 'all settings and where they come from',
    load: async () => (await import('../commands/config.ts')).configList,
  },
  {
    name: 'config get',
    summary: 'one setting',
    args: [{ name: 'NAME' }],
    load: async () => (await import('../commands/config.ts')).configGet,
  },
  {
    name: 'config set',
    summary: 'change a setting; "default" takes it back',
    args: [{ name: 'NAME' }, { name: 'VALUE' }],
    load: async () => (await import('../commands/config.ts')).configSet,
  },
  {
    name: 'completion',
    summary: 'print the completion script of a shell',
    args: [{ name: 'SHELL', choices: ['bash', 'zsh', 'fish'] }],
    load: async () => (await import('../commands/completion.ts')).completion,
  },
  {
    name: 'schema',
    summary: 'print the JSON Schema of what --json prints',
    load: async () => (await import('../commands/schema.ts')).schema,
  },
  {
    name: 'version',
    summary: 'print the version',
    load: async () => (await import('../commands/version.ts')).version,
  },
];

export interface CommandGroup {
  readonly title: string;
  readonly commands: readonly CommandSpec[];
}

export const COMMAND_GROUPS: readonly CommandGroup[] = [
  { title: 'Account', commands: ACCOUNT_COMMANDS },
  { title: 'Synced folder', commands: FOLDER_COMMANDS },
  { title: 'Files on the server', commands: DRIVE_COMMANDS },
  { title: 'Other', commands: OTHER_COMMANDS },
];

export const COMMANDS: readonly CommandSpec[] = COMMAND_GROUPS.flatMap(({ commands }) => commands);

/** Run by the server package, which reads what follows by itself. */
export const DELEGATED: Readonly<Record<string, string>> = {
  serve: 'run a server, in the foreground',
  admin: 'administer the server of this machine',
};
