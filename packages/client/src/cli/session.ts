import { createHttpApi } from '../adapters/http-api.ts';
import { systemClock, systemRandom } from '../adapters/system-clock.ts';
import { createTokenFile } from '../adapters/token-file.ts';
import {
  effectiveSettings,
  ensureHome,
  expectAccount,
  readStoredConfig,
  tokenFile,
  type DeviceAccount,
} from '../config.ts';
import type { ServerApi } from '../ports/server-api.ts';
import { createRateLimit } from '../transfer/rate-limit.ts';
import { withRetry } from '../transfer/retry.ts';
import type { CommandContext } from './command-spec.ts';

/** The server, for the length of one command. */
export interface Session extends Disposable {
  /** Fails at once when the server cannot be asked. */
  readonly api: ServerApi;
  /** Tries again for some three seconds. */
  readonly briefApi: ServerApi;
  /** Tries again for some fifteen seconds: for transfers. */
  readonly patientApi: ServerApi;
}

export interface AccountSession extends Session {
  readonly account: DeviceAccount;
}

/** 1 and 2 s lie between them. */
const BRIEF_TRIES = 3;

type Needs = Pick<CommandContext, 'home' | 'env'>;

/** For commands of a signed-in device. Throws CommandError when it is not. */
export function openSession({ home, env }: Needs): AccountSession {
  const stored = readStoredConfig(home);
  const account = expectAccount(stored);
  return { account, ...sessionOf({ home, env }, account.server) };
}

/** For signing in; nothing is known yet. */
export function openGuestSession(needs: Needs, server: string): Session {
  ensureHome(needs.home);
  return sessionOf(needs, server);
}

function sessionOf({ home, env }: Needs, server: string): Session {
  const settings = effectiveSettings(readStoredConfig(home), env);
  const rate = (limit: number | 'off') =>
    limit === 'off' ? createRateLimit(systemClock) : createRateLimit(systemClock, limit);
  const api = createHttpApi({
    server: new URL(server),
    tokens: createTokenFile(tokenFile(home), systemClock),
    clock: systemClock,
    up: rate(settings['limit.up']),
    down: rate(settings['limit.down']),
  });
  const deps = { clock: systemClock, random: systemRandom };
  const briefApi = withRetry(api, { ...deps, tries: BRIEF_TRIES });
  const patientApi = withRetry(api, deps);
  return { api, briefApi, patientApi, [Symbol.dispose]: () => api[Symbol.dispose]() };
}
