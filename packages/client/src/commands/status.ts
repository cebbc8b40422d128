import type { CommandContext } from '../cli/command-spec.ts';
import { columns, displayText } from '../cli/display.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { pathBelowRoot } from '../cli/local-path.ts';
import { statusText } from '../cli/status-text.ts';
import { callDaemon, followDaemon } from '../control/control-client.ts';
import type { DaemonStatus, PathStatus } from '../control/daemon-control.ts';

/** `satchel status`. */
export async function status(context: CommandContext): Promise<number> {
  const { args, home, signal, terminal } = context;
  if (context.isSet('watch')) return watch(context);
  const now = await callDaemon('status', { home, params: {}, signal });
  if (args.length === 0) {
    terminal.result(now, statusText(now, terminal));
    return EXIT.done;
  }
  const paths = args.map((path) => pathBelowRoot(now.root, context.cwd, path));
  const found = await callDaemon('pathStatus', { home, params: { paths }, signal });
  terminal.result({ ...now, paths: found }, pathText(found));
  return EXIT.done;
}

function pathText(paths: readonly PathStatus[]): string {
  return columns(paths.map(({ state, path, message = '' }) => [state, displayText(path), displayText(message)]))
    .map((line) => line.trimEnd())
    .join('\n');
}

/** Follows until interrupted: a line of JSON per change, or one view that is drawn again. */
async function watch({ home, signal, terminal }: CommandContext): Promise<number> {
  let drawn = 0;
  const isTerminal = process.stdout.isTTY && !terminal.json;
  const show = (now: DaemonStatus): void => {
    const text = statusText(now, terminal);
    if (isTerminal && drawn > 0) process.stdout.write(`\u001b[${drawn}A\u001b[J`);
    drawn = text.split('\n').length;
    terminal.result(now, isTerminal ? text : `${text}\n`);
  };
  return followDaemon('watchStatus', { home, params: {}, signal }, show);
}
