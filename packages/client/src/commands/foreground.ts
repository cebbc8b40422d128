import type { CommandContext } from '../cli/command-spec.ts';
import { CommandError } from '../cli/command-error.ts';
import { createDaemonLog } from '../cli/daemon-log.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { InterruptedError } from '../cli/failure.ts';
import { daemonLockOf } from '../cli/home-files.ts';
import { whenHomeIsGone } from '../cli/home-gone.ts';
import { releaseMemoryWhenIdle } from '../cli/idle-memory.ts';
import { tryLock } from '../cli/lock.ts';
import { readMarker, rootLockOf } from '../cli/root-marker.ts';
import { ensureHome, loadClientConfig, type LinkedRoot } from '../config.ts';
import { controlSocketOf } from '../control/socket-path.ts';
import { serveControl } from '../control/control-server.ts';

/** What is left of ten seconds after the signal for closing by force. */
const END_WITHIN_MS = 9_000;

/** `satchel start --foreground`: the daemon itself. Resolves when it has ended. */
export async function runForeground({ home, env, flag, signal }: CommandContext): Promise<number> {
  const config = loadClientConfig(home, env);
  ensureHome(home);
  using locks = new DisposableStack();
  locks.use(takeHome(home));
  locks.use(takeRoot(config.root));
  const log = createDaemonLog(flag('log-file'));
  const { runDaemon } = await import('../compose.ts');
  const daemon = await runDaemon({ home, config, log });
  locks.use(releaseMemoryWhenIdle());
  let ending: Promise<void> | undefined;
  const end = (): void => {
    if (ending !== undefined) return;
    setTimeout(() => process.exit(EXIT.error), END_WITHIN_MS).unref();
    ending = daemon.stop().catch((error: unknown) => log('the daemon could not be closed', { error }));
  };
  const server = await serveControl({
    socket: controlSocketOf(home),
    control: daemon,
    stop: end,
    failed: (error) => log('a command failed', { error }),
  });
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();
  let isHomeGone = false;
  locks.use(
    whenHomeIsGone(home, () => {
      isHomeGone = true;
      log('the state of this device is gone: the daemon ends', { home });
      end();
    }),
  );
  try {
    await daemon.finished;
    await ending;
  } finally {
    await server[Symbol.asyncDispose]();
  }
  if (isHomeGone) return EXIT.error;
  const reason: unknown = signal.reason;
  return reason instanceof InterruptedError && reason.exit === EXIT.interrupted ? EXIT.interrupted : EXIT.done;
}

function takeHome(home: string): Disposable {
  const lock = tryLock(daemonLockOf(home));
  if (lock !== undefined) return lock;
  throw new CommandError('running', EXIT.conflict, `A daemon already runs for ${home}.`, { next: 'satchel status' });
}

/** H63: nothing is written into a folder that is not the linked one, such as an empty mount point. */
function takeRoot({ path, markerId }: LinkedRoot): Disposable {
  const marker = readMarker(path);
  if (marker === undefined) {
    const message = `${path} is not the folder that was linked: it is gone, or its disk is not mounted.`;
    throw new CommandError('root_missing', EXIT.notFound, message, { next: `satchel link ${path}` });
  }
  if (marker === 'damaged' || marker.id !== markerId)
    throw new CommandError('root_foreign', EXIT.conflict, `${path} is linked by another device.`, {
      next: 'satchel unlink',
    });
  const lock = tryLock(rootLockOf(path));
  if (lock !== undefined) return lock;
  throw new CommandError('root_in_use', EXIT.conflict, `Another Satchel already syncs ${path}.`);
}
