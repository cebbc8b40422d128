import type { SignedIn } from '@satchel/protocol/accounts.ts';
import type { CommandContext } from '../cli/command-spec.ts';
import { CommandError, usageError } from '../cli/command-error.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { askFor, readPassword, readSecret } from '../cli/secrets.ts';
import { openGuestSession } from '../cli/session.ts';
import { effectiveSettings, readStoredConfig, writeStoredConfig, type StoredConfig } from '../config.ts';
import { callDaemonIfRunning } from '../control/control-client.ts';

/** `satchel signup`. */
export async function signup(context: CommandContext): Promise<number> {
  return signIn(context, 'signup');
}

/** `satchel login`. */
export async function login(context: CommandContext): Promise<number> {
  return signIn(context, 'login');
}

async function signIn(context: CommandContext, how: 'signup' | 'login'): Promise<number> {
  const { home, flag, env, signal, terminal } = context;
  const stored = readStoredConfig(home);
  const server = serverUrl(flag('server') ?? stored.account?.server);
  const email = flag('email') ?? stored.account?.email ?? (await askFor(terminal, 'E-mail address', signal));
  if (!/^[^@\s]+@[^@\s]+$/.test(email)) throw usageError(`"${email}" is no e-mail address.`);
  expectSameAccount(stored, email);
  const password = await readPassword(terminal, flag('password-file'), { twice: how === 'signup', signal });
  const deviceName = flag('device-name') ?? effectiveSettings(stored, env)['device.name'];
  using session = openGuestSession(context, server);
  const inviteFile = flag('invite-file');
  const invite = inviteFile === undefined ? undefined : readSecret(inviteFile, 'invitation');
  const body = { email, password, deviceName };
  const signedIn =
    how === 'login'
      ? await session.api.call('login', { body }, signal)
      : await session.api.call('signup', { body: { ...body, ...(invite === undefined ? {} : { invite }) } }, signal);
  expectSameUser(stored, signedIn);
  await session.api.session.adopt(signedIn);
  const named = flag('device-name') === undefined ? {} : { 'device.name': deviceName };
  const settings = { ...stored.settings, ...named };
  writeStoredConfig(home, { ...stored, settings, account: accountOf(signedIn, server, deviceName) });
  await callDaemonIfRunning('reloadSettings', { home, params: {}, signal });
  const { userId, deviceId } = signedIn;
  const next = stored.root === undefined ? ' Next: satchel link DIR' : '';
  terminal.result(
    { server, email: signedIn.email, userId, deviceId, deviceName },
    `Signed in at ${server} as ${signedIn.email}; this device is "${deviceName}".${next}`,
  );
  return EXIT.done;
}

function accountOf(
  { email, userId, deviceId, workspaceId }: Pick<SignedIn, 'email' | 'userId' | 'deviceId' | 'workspaceId'>,
  server: string,
  deviceName: string,
) {
  return { server, email, userId, deviceId, deviceName, workspaceId };
}

/** The synced folder belongs to one account: another one's files must never be merged into it by accident. */
function expectSameAccount(stored: StoredConfig, email: string): void {
  if (stored.account?.email.toLowerCase() !== email.toLowerCase()) refuseWhenLinked(stored);
}

/** The same address on another server is another account. */
function expectSameUser(stored: StoredConfig, { userId }: Pick<SignedIn, 'userId'>): void {
  if (stored.account?.userId !== userId) refuseWhenLinked(stored);
}

function refuseWhenLinked({ account, root }: StoredConfig): void {
  if (root === undefined || account === undefined) return;
  const message = `This device syncs ${root.path} for ${account.email} at ${account.server}.`;
  throw new CommandError('linked', EXIT.conflict, message, { next: 'satchel unlink' });
}

/** `cloud.example.org`, `http://127.0.0.1:7420/`: with its scheme, without query, user or slash at the end. */
export function serverUrl(typed: string | undefined): string {
  if (typed === undefined || typed.trim() === '') throw usageError('Which server? Give --server URL.');
  const text = typed.trim();
  const isLocal = /^(?:localhost|127\.|\[::1\])/.test(text);
  const full = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `${isLocal ? 'http' : 'https'}://${text}`;
  if (!URL.canParse(full)) throw usageError(`"${typed}" is no address of a server; write it like https://host:7420.`);
  const url = new URL(full);
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    throw usageError(`"${typed}": a server is reached by https:// (or http://).`);
  if (url.username !== '' || url.password !== '') throw usageError('The address must not hold a user or password.');
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}
