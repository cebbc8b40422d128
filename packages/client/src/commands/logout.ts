import type { CommandContext } from '../cli/command-spec.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { openSession } from '../cli/session.ts';
import { readStoredConfig, writeStoredConfig } from '../config.ts';
import { stopDaemon } from './stop.ts';

/** What a server says that has signed this device out already. */
const SIGNED_OUT: ReadonlySet<string> = new Set(['device_revoked', 'sign_in_required']);

/** `satchel logout`: the tokens are forgotten here even when the server cannot be told. */
export async function logout(context: CommandContext): Promise<number> {
  const { home, signal, terminal } = context;
  using session = openSession(context);
  await stopDaemon(context);
  let told = true;
  try {
    await session.api.call('logout', {}, signal);
  } catch (error) {
    signal.throwIfAborted();
    told = SIGNED_OUT.has((error as { code?: string }).code ?? '');
    terminal.detail(`satchel: the server was not told: ${(error as Error).message}`);
  }
  await session.api.session.forget();
  const stored = readStoredConfig(home);
  // A linked folder stays one of this account; without it nothing of the account is kept.
  if (stored.root === undefined) writeStoredConfig(home, { settings: stored.settings });
  const rest = told ? '' : ' The server could not be told: revoke this device there.';
  terminal.result({ email: session.account.email, told }, `Signed out ${session.account.email}.${rest}`);
  return EXIT.done;
}
