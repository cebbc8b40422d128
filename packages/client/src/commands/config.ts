import type { CommandContext } from '../cli/command-spec.ts';
import { CommandError, usageError } from '../cli/command-error.ts';
import { columns, displayText } from '../cli/display.ts';
import { EXIT } from '../cli/exit-codes.ts';
import {
  isSettingName,
  readStoredConfig,
  SETTINGS,
  settingValue,
  variableOf,
  writeStoredConfig,
  type SettingName,
} from '../config.ts';
import { callDaemonIfRunning } from '../control/control-client.ts';

/** `satchel config ls`. */
export async function configList({ home, env, terminal }: CommandContext): Promise<number> {
  const stored = readStoredConfig(home);
  const settings = (Object.keys(SETTINGS) as SettingName[]).map((name) => {
    const { text, from } = settingValue(stored, env, name);
    return { name, value: SETTINGS[name].read(text), text, from, help: SETTINGS[name].help };
  });
  const rows = settings.map(({ name, value, text, from, help }) => {
    const shown = text === '' ? displayText(String(value)) : displayText(text);
    return [name, shown, from === 'environment' ? variableOf(name) : from, help];
  });
  terminal.result(
    { settings: settings.map(({ name, value, from }) => ({ name, value, from })) },
    columns(rows).join('\n'),
  );
  return EXIT.done;
}

/** `satchel config get`. */
export async function configGet({ args, home, env, terminal }: CommandContext): Promise<number> {
  const name = settingNamed(args[0] ?? '');
  const { text, from } = settingValue(readStoredConfig(home), env, name);
  const value = SETTINGS[name].read(text);
  terminal.result({ name, value, from }, text === '' ? String(value) : text);
  return EXIT.done;
}

/** `satchel config set`; a running daemon takes it over at once. */
export async function configSet({ args, home, env, signal, terminal }: CommandContext): Promise<number> {
  const [typed = '', text = ''] = args;
  const name = settingNamed(typed);
  const stored = readStoredConfig(home);
  const { [name]: _, ...others } = stored.settings;
  if (text !== 'default') expectReadable(name, text);
  const settings = text === 'default' ? others : { ...others, [name]: text };
  const next = { ...stored, settings };
  writeStoredConfig(home, next);
  await callDaemonIfRunning('reloadSettings', { home, params: {}, signal });
  const held = settingValue(next, env, name);
  const value = SETTINGS[name].read(held.text);
  terminal.result({ name, value, from: held.from }, `${name} = ${displayText(String(held.text || value))}`);
  if (held.from === 'environment') terminal.warn(`satchel: ${variableOf(name)} is set and goes before the setting.`);
  return EXIT.done;
}

/** Throws CommandError (usage) naming the setting. */
function expectReadable(name: SettingName, text: string): void {
  try {
    SETTINGS[name].read(text);
  } catch (error) {
    throw error instanceof CommandError ? usageError(`${name}: ${error.message}`) : error;
  }
}

function settingNamed(name: string): SettingName {
  if (isSettingName(name)) return name;
  throw usageError(`There is no setting "${name}".`, 'satchel config ls');
}
