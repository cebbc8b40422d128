import { parseArgs } from 'node:util';
import { CodedError, ERRORS } from '@satchel/protocol/errors.ts';
import { ConfigError, sizeBytes, wholeNumber } from '../config-values.ts';
import type { UserAdministration } from '../accounts/user-administration.ts';
import type { Invites } from '../accounts/invites.ts';
import type { AdminAnswer, Administer } from './admin-socket.ts';

/** A job of the server that an administrator may run at once. Its report is shown as it is. */
export type UpkeepTask = (signal: AbortSignal) => Promise<Readonly<Record<string, unknown>>>;

/** What an examination of the server's data found. */
export interface DoctorAnswer {
  readonly found: number;
  readonly text: string;
  readonly data: unknown;
}

export interface AdminPorts {
  readonly users: UserAdministration;
  readonly invites: Invites;
  /** Where people reach the server, for links. */
  readonly publicUrl: string;
  readonly upkeep: Readonly<Record<'gc' | 'scrub' | 'purge' | 'repack' | 'renew-epochs', UpkeepTask>>;
  readonly doctor: (options: { readonly deep: boolean; readonly repair: boolean }) => Promise<DoctorAnswer>;
  /** Number of the newest step of the schema. */
  readonly schemaVersion: number;
}

export const ADMIN_HELP = `Usage: satchel admin COMMAND [--data DIR] [--json]

  user ls                          accounts with plan, quota and use
  user quota EMAIL SIZE|default    how much an account may store (100G)
  user plan EMAIL PLAN             put an account on a plan
  user revoke EMAIL                sign all its devices out
  user disable|enable EMAIL        lock an account; its data stays
  user promote EMAIL               make it an administrator
  invite [EMAIL] [--days N]        an invitation to sign up (7 days)
  plan ls
  plan set NAME SIZE [--days N]    make or change a plan; N days of retention (30)
  quota EMAIL SIZE|default         the same as user quota
  gc | repack | purge              collect unused chunks; rewrite packs; drop what is past retention
  scrub                            read and check everything that is stored
  doctor [--deep] [--repair]       check the server's data, with --deep every stored byte, and say what is wrong and
                                   what mends it; --repair counts anew what can be
  backup DIR [--keep N] [--no-verify] [--with-key] [--list]
                                   copy what is new, and verify the copy; keeps N verified snapshots (7)
  restore DIR [--snapshot NAME] [--no-verify]
                                   put a backup back into an empty data folder
  renew-epochs                     after data was put back from a backup: devices merge, nothing is deleted
  migrate                          bring the database up to date and say its version
`;

class UsageError extends Error {
  override readonly name = 'UsageError';
}

type Outcome = { readonly text: string; readonly data: unknown; readonly exit?: number };
type Command = (
  ports: AdminPorts,
  args: readonly string[],
  options: { readonly days?: string | undefined; readonly deep: boolean; readonly repair: boolean },
) => Promise<Outcome>;

/** Runs commands of `satchel admin` on the services of this process. */
export function createAdminister(ports: AdminPorts): Administer {
  return async (args): Promise<AdminAnswer> => {
    try {
      const { values, positionals } = parseArgs({
        args: [...args],
        options: {
          days: { type: 'string' },
          deep: { type: 'boolean', default: false },
          repair: { type: 'boolean', default: false },
        },
        allowPositionals: true,
      });
      const two = positionals.slice(0, 2).join(' ');
      const [name, rest] = COMMANDS[two] ? [two, positionals.slice(2)] : [positionals[0] ?? '', positionals.slice(1)];
      const command = COMMANDS[name];
      if (!command) throw new UsageError(`there is no command "${two}"`);
      return { exit: 0, ...(await command(ports, rest, values)) };
    } catch (error) {
      return refusal(error);
    }
  };
}

function refusal(error: unknown): AdminAnswer {
  const { message, code } = error as Error & { code?: string };
  if (error instanceof CodedError)
    return { exit: ERRORS[error.code].exit, text: `satchel admin: ${message}`, data: { error: error.code, message } };
  const usage =
    error instanceof UsageError || error instanceof ConfigError || code?.startsWith('ERR_PARSE_ARGS') === true;
  const text = `satchel admin: ${message}${usage ? '\n  next: satchel admin --help' : ''}`;
  return { exit: usage ? 2 : 1, text, data: { error: usage ? 'usage' : 'internal', message } };
}

const COMMANDS: Readonly<Record<string, Command>> = {
  'user ls': async ({ users }, args) => {
    taking(args, 0, 'user ls');
    const all = await Array.fromAsync(users.list());
    const lines = all.map((user) => {
      const marks = [user.administrator ? 'administrator' : '', user.disabled ? 'disabled' : '']
        .filter(Boolean)
        .join(', ');
      const used = `${shown(user.usedBytes)} of ${shown(user.quotaBytes)}`;
      return `${user.email.padEnd(32)} ${user.plan.padEnd(10)} ${used.padEnd(22)} ${user.devices} devices ${marks}`.trimEnd();
    });
    return { text: lines.join('\n'), data: { users: all } };
  },
  'user quota': (ports, args) => setQuota(ports, args),
  quota: (ports, args) => setQuota(ports, args),
  'user plan': async ({ users }, args) => {
    const [email, plan] = taking(args, 2, 'user plan EMAIL PLAN');
    await users.setPlan(email, plan);
    return { text: `${email} is on the plan ${plan}.`, data: { email, plan } };
  },
  'user revoke': async ({ users }, args) => {
    const [email] = taking(args, 1, 'user revoke EMAIL');
    const devices = await users.revokeDevices(email);
    return { text: `${devices} devices of ${email} are signed out.`, data: { email, devices } };
  },
  'user disable': (ports, args) => setDisabled(ports, args, true),
  'user enable': (ports, args) => setDisabled(ports, args, false),
  'user promote': async ({ users }, args) => {
    const [email] = taking(args, 1, 'user promote EMAIL');
    await users.makeAdministrator(email);
    return { text: `${email} is an administrator.`, data: { email } };
  },
  invite: async ({ invites, publicUrl }, args, { days = '7' }) => {
    const [email] = args.length === 0 ? [] : taking(args, 1, 'invite [EMAIL]');
    const invite = await invites.create(email?.toLowerCase(), wholeNumber(days) * 24 * 3_600_000);
    const text = `${invite}\nfor ${email ?? 'anybody'} at ${publicUrl}, once, within ${days} days`;
    return { text, data: { invite, email: email ?? null, server: publicUrl, days: Number(days) } };
  },
  'plan ls': async ({ users }, args) => {
    taking(args, 0, 'plan ls');
    const plans = await users.plans();
    const lines = plans.map(
      (plan) => `${plan.name.padEnd(16)} ${shown(plan.quotaBytes).padEnd(10)} ${plan.retentionDays} days`,
    );
    return { text: lines.join('\n'), data: { plans } };
  },
  'plan set': async ({ users }, args, { days = '30' }) => {
    const [name, size] = taking(args, 2, 'plan set NAME SIZE [--days N]');
    const plan = { name, quotaBytes: sizeBytes(size), retentionDays: wholeNumber(days) };
    await users.setPlanTerms(plan);
    return { text: `The plan ${name} has ${shown(plan.quotaBytes)} and keeps ${days} days.`, data: plan };
  },
  gc: (ports, args) => upkeep(ports, 'gc', args),
  repack: (ports, args) => upkeep(ports, 'repack', args),
  purge: (ports, args) => upkeep(ports, 'purge', args),
  scrub: (ports, args) => upkeep(ports, 'scrub', args),
  doctor: async (ports, args, { deep, repair }) => {
    taking(args, 0, 'doctor [--deep] [--repair]');
    const { found, text, data } = await ports.doctor({ deep, repair });
    return { text, data, exit: found > 0 ? 1 : 0 };
  },
  'renew-epochs': (ports, args) => upkeep(ports, 'renew-epochs', args),
  // Opening the database has migrated it already.
  migrate: async ({ schemaVersion }) => ({
    text: `The database is at version ${schemaVersion}.`,
    data: { version: schemaVersion },
  }),
};

async function setQuota({ users }: AdminPorts, args: readonly string[]): Promise<Outcome> {
  const [email, size] = taking(args, 2, 'user quota EMAIL SIZE|default');
  const quotaBytes = size === 'default' ? undefined : sizeBytes(size);
  await users.setQuota(email, quotaBytes);
  const text =
    quotaBytes === undefined ? `${email} has the quota of its plan.` : `${email} may store ${shown(quotaBytes)}.`;
  return { text, data: { email, quotaBytes: quotaBytes ?? null } };
}

async function setDisabled({ users }: AdminPorts, args: readonly string[], disabled: boolean): Promise<Outcome> {
  const [email] = taking(args, 1, `user ${disabled ? 'disable' : 'enable'} EMAIL`);
  await users.setDisabled(email, disabled);
  return { text: `${email} is ${disabled ? 'disabled and signed out' : 'enabled'}.`, data: { email, disabled } };
}

/** Reports that name findings or damage end with exit code 1, so that scripts notice. */
async function upkeep(ports: AdminPorts, task: keyof AdminPorts['upkeep'], args: readonly string[]): Promise<Outcome> {
  taking(args, 0, task);
  const data = await ports.upkeep[task](new AbortController().signal);
  const found = [data['findings'], data['damaged']].some((list) => Array.isArray(list) && list.length > 0);
  const lines = Object.entries(data).map(
    ([name, value]) => `${name}: ${typeof value === 'object' ? JSON.stringify(value) : String(value)}`,
  );
  return { text: lines.length === 0 ? 'done' : lines.join('\n'), data, exit: found ? 1 : 0 };
}

function taking(args: readonly string[], count: 0, usage: string): readonly [];
function taking(args: readonly string[], count: 1, usage: string): readonly [string];
function taking(args: readonly string[], count: 2, usage: string): readonly [string, string];
function taking(args: readonly string[], count: number, usage: string): readonly string[] {
  if (args.length === count) return args;
  throw new UsageError(`usage: satchel admin ${usage}`);
}

/** Bytes for people: `1.5 GiB`. */
function shown(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  const power = Math.min(units.length - 1, bytes < 1 ? 0 : Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  return `${Number.isInteger(value) ? value : value.toFixed(1)} ${units[power] ?? 'B'}`;
}
