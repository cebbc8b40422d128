import { pino } from 'pino';
import { adminSocketOf, askServer, type AdminAnswer } from './administration/admin-socket.ts';
import { ADMIN_HELP } from './administration/commands.ts';
import { loadConfig, type Config } from './config.ts';
import { ConfigError } from './config-values.ts';

/**
 * `satchel admin`: asks the server that runs on the data folder, or does it itself when none runs.
 * @param argv what stands after `admin`
 * @returns the exit code
 */
export async function admin(argv: readonly string[]): Promise<number> {
  if (argv.length === 0 || argv.includes('--help') || argv.includes('-h')) {
    process.stdout.write(ADMIN_HELP);
    return argv.length === 0 ? 2 : 0;
  }
  const { own, command, quiet } = split(argv);
  const say = (message: string): void => void (quiet || process.stderr.write(`${message}\n`));
  try {
    const { config } = loadConfig(own, process.env);
    if (BACKUP_COMMANDS.has(command[0] ?? '')) {
      const { runBackupCommand } = await import('./backup-commands.ts');
      return print(await runBackupCommand(config, command, say), config.json);
    }
    const answer = (await askServer(adminSocketOf(config.data), command)) ?? (await alone(config, command));
    return print(answer, config.json);
  } catch (error) {
    const usage = error instanceof ConfigError;
    const { message } = error as Error;
    const data = { error: usage ? 'usage' : 'internal', message };
    const text = `satchel admin: ${message}${usage ? '\n  next: satchel admin --help' : ''}`;
    return print({ exit: usage ? 2 : 1, text, data }, own.includes('--json'));
  }
}

const BACKUP_COMMANDS = new Set(['backup', 'restore']);

/** Without a server: the lock of the data folder is held meanwhile, so that none can start. */
async function alone(config: Config, command: readonly string[]): Promise<AdminAnswer> {
  const log = pino({ level: 'warn' }, pino.destination({ dest: 2, sync: true }));
  // All services and adapters: loaded only when no server has them running already.
  const { compose } = await import('./compose.ts');
  await using composition = await compose(config, log);
  return await composition.administer(command);
}

/** A refusal goes to stderr, as those of all commands do; a report of faults that were found is data. */
function print({ exit, text, data }: AdminAnswer, json: boolean): number {
  const { error: code, message } = data as { readonly error?: unknown; readonly message?: unknown };
  if (json && code !== undefined) process.stderr.write(`${JSON.stringify({ error: { code, message } })}\n`);
  else if (json) process.stdout.write(`${JSON.stringify(data)}\n`);
  else if (text !== '') (exit === 0 ? process.stdout : process.stderr).write(`${text}\n`);
  return exit;
}

/** Which flags are the configuration's and which belong to the command. */
const OWN = new Set(['--data', '--config', '--key-file', '--public-url', '--default-quota']);

/** Taken by every command of the program. There is no more to say with the second. */
const QUIET = new Set(['-q', '--quiet']);
const VERBOSE = new Set(['-v', '--verbose']);

interface Words {
  readonly own: readonly string[];
  readonly command: readonly string[];
  readonly quiet: boolean;
}

function split(argv: readonly string[]): Words {
  const own: string[] = [];
  const command: string[] = [];
  for (let at = 0; at < argv.length; at += 1) {
    const word = argv[at] ?? '';
    const [name = ''] = word.split('=');
    if (QUIET.has(word) || VERBOSE.has(word)) continue;
    if (word === '--json') own.push(word);
    else if (!OWN.has(name)) command.push(word);
    else if (word.includes('=')) own.push(word);
    else own.push(word, argv[(at += 1)] ?? '');
  }
  return { own, command, quiet: argv.some((word) => QUIET.has(word)) };
}
