import type { CommandContext } from '../cli/command-spec.ts';
import { displayText } from '../cli/display.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { pathBelowRoot } from '../cli/local-path.ts';
import { isAtOrBelow } from '../cli/remote-path.ts';
import { expectRoot, readStoredConfig } from '../config.ts';
import { callDaemon } from '../control/control-client.ts';
import type { IgnoreAnswer } from '../control/daemon-control.ts';

/** `satchel exclude ls`. */
export async function excludeList(context: CommandContext): Promise<number> {
  const { args, home, signal, terminal } = context;
  const folder = args.length === 0 ? '' : typedPath(context);
  const all = await callDaemon('excluded', { home, params: {}, signal });
  const excluded = all.filter((path) => isAtOrBelow(path, folder));
  terminal.result({ excluded }, excluded.map(displayText).join('\n'));
  if (excluded.length === 0) terminal.say('Everything there is on this device.');
  return EXIT.done;
}

/** `satchel exclude add`. */
export async function excludeAdd(context: CommandContext): Promise<number> {
  const path = typedPath(context);
  await callDaemon('exclude', { home: context.home, params: { path }, signal: context.signal });
  context.terminal.result({ path, excluded: true }, `${displayText(path)} stays on the server only.`);
  return EXIT.done;
}

/** `satchel exclude rm`. */
export async function excludeRemove(context: CommandContext): Promise<number> {
  const path = typedPath(context);
  await callDaemon('include', { home: context.home, params: { path }, signal: context.signal });
  context.terminal.result({ path, excluded: false }, `${displayText(path)} comes back to this device.`);
  return EXIT.done;
}

/** `satchel ignore why`. */
export async function ignoreWhy(context: CommandContext): Promise<number> {
  const path = typedPath(context);
  const answer = await callDaemon('ignoreWhy', { home: context.home, params: { path }, signal: context.signal });
  const { ignored, rule = null, source = null, line = null } = answer;
  context.terminal.result({ path: answer.path, ignored, rule, source, line }, ignoreText(answer));
  return EXIT.done;
}

function ignoreText({ path, ignored, rule, source, line }: IgnoreAnswer): string {
  const verdict = `${displayText(path)} is ${ignored ? 'ignored' : 'synced'}`;
  if (rule === undefined) return `${verdict}: no rule matches.`;
  const where = source === 'file' ? `.satchelignore, line ${line ?? '?'}` : `${source ?? 'unknown'} rule`;
  return `${verdict}: ${displayText(rule)}  (${where})`;
}

function typedPath({ args, cwd, home }: CommandContext): string {
  const root = expectRoot(readStoredConfig(home));
  return pathBelowRoot(root.path, cwd, args[0] ?? '');
}
