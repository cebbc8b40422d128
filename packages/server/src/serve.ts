import { readFileSync } from 'node:fs';
import { pino, type Logger } from 'pino';
import { adminSocketOf, listenForAdmin } from './administration/admin-socket.ts';
import { compose, type Composition } from './compose.ts';
import { loadConfig, settingsHelp, type Config } from './config.ts';
import { ConfigError } from './config-values.ts';
import { createGateway } from './gateway/gateway.ts';
import { SETUP_PATH } from './gateway/setup-routes.ts';

const HELP = `Usage: satchel serve [flags]

Runs the server in the foreground until it is told to stop (SIGTERM, Ctrl-C).

${settingsHelp()}`;

/** Requests in flight get this long after the signal to stop; the rest is cut so that the end comes within 10 s. */
const DRAIN_MS = 7_000;

/**
 * `satchel serve`. Resolves with the exit code when the server has stopped.
 * @param argv what stands after `serve`
 */
export async function serve(argv: readonly string[]): Promise<number> {
  if (argv.includes('--help') || argv.includes('-h')) {
    process.stdout.write(HELP);
    return 0;
  }
  let config: Config;
  try {
    const loaded = loadConfig(
      argv.flatMap((word) => LOUDNESS[word] ?? [word]),
      process.env,
    );
    if (loaded.rest.length > 0) throw new ConfigError(`satchel serve takes no "${loaded.rest[0] ?? ''}".`);
    config = loaded.config;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const json = argv.includes('--json');
    return fail('usage', json ? error.message : `${error.message}\nRun satchel serve --help for the settings.`, json);
  }
  const log = pino({ level: config['log-level'] }, pino.destination({ dest: 2, sync: true }));
  try {
    return await run(config, log);
  } catch (error) {
    log.debug({ err: error }, 'the server could not run');
    return fail('internal', startFault(error, config), config.json);
  }
}

/** The flags that every command of the program takes, as they are said here. */
const LOUDNESS: Readonly<Record<string, readonly string[]>> = {
  '-q': ['--log-level', 'error'],
  '--quiet': ['--log-level', 'error'],
  '-v': ['--log-level', 'debug'],
  '--verbose': ['--log-level', 'debug'],
};

/** Tells why it does not run; the exit code. */
function fail(code: 'usage' | 'internal', message: string, json: boolean): number {
  const text = json ? JSON.stringify({ error: { code, message } }) : `satchel serve: ${message}`;
  process.stderr.write(`${text}\n`);
  return code === 'usage' ? 2 : 1;
}

async function run(config: Config, log: Logger): Promise<number> {
  const stop = stopSignal();
  await using stack = new AsyncDisposableStack();
  const composition = stack.use(await compose(config, log));
  let stopping = false;
  const app = await createGateway(composition.services, {
    log,
    behindProxy: config['behind-proxy'],
    requestsPerMinute: config['requests-per-minute'],
    metricsToken: config['metrics-token-file'],
    readiness: {
      fault: async () => (stopping ? 'The server is stopping.' : composition.fault()),
      examined: composition.examined,
    },
    ...(config.tls ? { tls: { cert: readFileSync(config.tls.certFile), key: readFileSync(config.tls.keyFile) } } : {}),
  });
  const { host, port } = config.listen;
  await app.listen({ host, port });
  stack.use(await listenForAdmin(adminSocketOf(config.data), composition));
  const address = app.server.address();
  const boundPort = typeof address === 'object' && address !== null ? address.port : port;
  const scheme = config.tls ? 'https' : 'http';
  const url = `${scheme}://${host.includes(':') ? `[${host}]` : host}:${boundPort}`;
  await announce(composition, config, url);
  composition.startWork();

  const signal = await stop;
  log.info({ signal }, 'stopping');
  stopping = true;
  // Long-lived answers end first: `close` waits for every answer.
  await composition.endNotifications();
  const cut = setTimeout(() => app.server.closeAllConnections(), DRAIN_MS);
  await app.close();
  clearTimeout(cut);
  return signal === 'SIGINT' ? 130 : 0;
}

/** The line on stdout comes last: whoever waits for it has the link as well. */
async function announce({ services, openSetup }: Composition, config: Config, url: string): Promise<void> {
  if (!(await services.accounts.hasAdministrator())) {
    const link = `${config['public-url'] ?? url}${SETUP_PATH}#${openSetup()}`;
    process.stderr.write(`Make the administrator of this server with this link, which works once:\n  ${link}\n`);
  }
  const text = config.json ? JSON.stringify({ listening: url }) : `Satchel is listening on ${url}`;
  process.stdout.write(`${text}\n`);
}

/** Resolves with the first signal to stop; a second one ends the process at once, which harms nothing. */
function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const)
      process.once(signal, () => {
        resolve(signal);
        process.once(signal, () => process.exit(1));
      });
  });
}

function startFault(error: unknown, config: Config): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const { host, port } = config.listen;
  if (code === 'EADDRINUSE') return `port ${port} on ${host} is in use; stop what uses it or give another --listen.`;
  if (code === 'EACCES') return `no permission: ${message}`;
  if (code === 'EADDRNOTAVAIL') return `this machine has no address ${host}; give another --listen.`;
  return message;
}
