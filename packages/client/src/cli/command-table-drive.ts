import type { ArgumentSpec, CommandSpec, FlagSpec } from './command-spec.ts';

const REMOTE: ArgumentSpec = { name: 'PATH' };
const REMOTE_MANY: readonly ArgumentSpec[] = [{ name: 'PATH', many: true }];
const FOLDER: readonly ArgumentSpec[] = [{ name: 'PATH', optional: true }];
const MEMBER: readonly ArgumentSpec[] = [REMOTE, { name: 'EMAIL' }];
const ROLE: FlagSpec = {
  name: 'role',
  value: 'ROLE',
  choices: ['viewer', 'editor'],
  help: 'what the member may do (viewer)',
};
const RECURSIVE: FlagSpec = { name: 'recursive', short: 'r', help: 'folders with all that is in them' };
const FORCE: FlagSpec = { name: 'force', short: 'f', help: 'replace what is there' };

/** Commands on remote files, without a synced folder. */
export const DRIVE_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'ls',
    summary: 'what is in a folder',
    args: FOLDER,
    flags: [{ name: 'long', short: 'l', help: 'with sizes and times' }],
    load: async () => (await import('../commands/ls.ts')).ls,
  },
  {
    name: 'tree',
    summary: 'a folder with all that is in it',
    args: FOLDER,
    flags: [{ name: 'depth', value: 'N', help: 'so many levels' }],
    load: async () => (await import('../commands/tree.ts')).tree,
  },
  {
    name: 'stat',
    summary: 'all that is known of a file or folder',
    args: [REMOTE],
    load: async () => (await import('../commands/stat.ts')).stat,
  },
  {
    name: 'cat',
    summary: 'print files',
    args: REMOTE_MANY,
    load: async () => (await import('../commands/cat.ts')).cat,
  },
  {
    name: 'get',
    summary: 'download a file or folder; goes on where it was interrupted',
    args: [REMOTE, { name: 'TARGET', optional: true, completes: 'files' }],
    flags: [FORCE],
    load: async () => (await import('../commands/get.ts')).get,
  },
  {
    name: 'put',
    summary: 'upload a file or folder, or stdin (-); goes on where it was interrupted',
    args: [
      { name: 'SOURCE', completes: 'files' },
      { name: 'PATH', optional: true },
    ],
    load: async () => (await import('../commands/put.ts')).put,
  },
  {
    name: 'cp',
    summary: 'copy on the server; nothing is transferred',
    args: [{ name: 'FROM' }, { name: 'TO' }],
    flags: [RECURSIVE],
    load: async () => (await import('../commands/cp.ts')).cp,
  },
  {
    name: 'mv',
    summary: 'move or rename',
    args: [{ name: 'FROM' }, { name: 'TO' }],
    load: async () => (await import('../commands/mv.ts')).mv,
  },
  {
    name: 'rm',
    summary: 'delete',
    args: REMOTE_MANY,
    flags: [RECURSIVE, { name: 'accept-held', help: 'also so much at once that the server would hold it' }],
    load: async () => (await import('../commands/rm.ts')).rm,
  },
  {
    name: 'mkdir',
    summary: 'make folders',
    args: REMOTE_MANY,
    flags: [{ name: 'parents', short: 'p', help: 'with the folders above; an existing one is no error' }],
    load: async () => (await import('../commands/mkdir.ts')).mkdir,
  },
  {
    name: 'share ls',
    isDefault: true,
    summary: 'shared folders and their members, all or those in PATH',
    args: FOLDER,
    load: async () => (await import('../commands/share.ts')).shareList,
  },
  {
    name: 'share add',
    summary: 'share a folder with somebody',
    args: MEMBER,
    flags: [ROLE],
    load: async () => (await import('../commands/share.ts')).shareAdd,
  },
  {
    name: 'share set',
    summary: 'change what a member may do',
    args: MEMBER,
    flags: [ROLE],
    load: async () => (await import('../commands/share.ts')).shareSet,
  },
  {
    name: 'share rm',
    summary: 'take a member out',
    args: MEMBER,
    load: async () => (await import('../commands/share.ts')).shareRemove,
  },
  {
    name: 'share leave',
    summary: 'leave a folder that somebody shares with you',
    args: [REMOTE],
    load: async () => (await import('../commands/share.ts')).shareLeave,
  },
  {
    name: 'share transfer',
    summary: 'make another member the owner',
    args: MEMBER,
    load: async () => (await import('../commands/share.ts')).shareTransfer,
  },
];
