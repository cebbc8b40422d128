import type { CommandContext } from '../cli/command-spec.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { formatRate, parseRate } from '../cli/units.ts';
import { effectiveSettings, readStoredConfig, writeStoredConfig } from '../config.ts';
import { callDaemonIfRunning } from '../control/control-client.ts';

/** `satchel limit`: the same as `config set limit.up` and `limit.down`. */
export async function limit({ home, env, flag, signal, terminal }: CommandContext): Promise<number> {
  const before = readStoredConfig(home);
  const changes = ['up', 'down'].flatMap((direction) => {
    const text = flag(direction);
    if (text !== undefined) parseRate(text);
    return text === undefined ? [] : [[`limit.${direction}`, text] as const];
  });
  const stored = { ...before, settings: { ...before.settings, ...Object.fromEntries(changes) } };
  if (changes.length > 0) {
    writeStoredConfig(home, stored);
    await callDaemonIfRunning('reloadSettings', { home, params: {}, signal });
  }
  const settings = effectiveSettings(stored, env);
  const [up, down] = [settings['limit.up'], settings['limit.down']];
  const shown = (rate: number | 'off'): string => (rate === 'off' ? 'no limit' : formatRate(rate));
  terminal.result({ up, down }, `up    ${shown(up)}\ndown  ${shown(down)}`);
  return EXIT.done;
}
