import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { createHash } from 'node:crypto';
import type { CommandContext } from '../cli/command-spec.ts';
import { CommandError } from '../cli/command-error.ts';
import { daemonProcess } from '../cli/daemon-process.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { homeOf, loadClientConfig, type Env } from '../config.ts';
import { stopDaemon } from './stop.ts';

/** `satchel service install`: a systemd unit of the user. */
export async function serviceInstall(context: CommandContext): Promise<number> {
  const { home, env, isSet, terminal } = context;
  expectSystemd();
  loadClientConfig(home, env);
  const unit = unitOf(home, env);
  mkdirSync(dirname(unit.file), { recursive: true });
  writeFileSync(unit.file, unitText(home));
  let started = false;
  if (!isSet('no-start')) {
    await stopDaemon(context);
    systemctl(['daemon-reload'], unit.file);
    systemctl(['enable', '--now', unit.name], unit.file);
    started = true;
  }
  const next = started
    ? 'It runs, and starts with your session.'
    : `Start it: systemctl --user enable --now ${unit.name}`;
  terminal.result({ unit: unit.name, file: unit.file, started }, `${unit.file} is written. ${next}`);
  return EXIT.done;
}

/** `satchel service uninstall`. */
export async function serviceUninstall({ home, env, terminal }: CommandContext): Promise<number> {
  expectSystemd();
  const unit = unitOf(home, env);
  const stopped = spawnSync('systemctl', ['--user', 'disable', '--now', unit.name], { encoding: 'utf8' });
  rmSync(unit.file, { force: true });
  if (stopped.status === 0) systemctl(['daemon-reload'], unit.file);
  terminal.result({ unit: unit.name, file: unit.file, removed: true }, `${unit.file} is removed.`);
  return EXIT.done;
}

function expectSystemd(): void {
  if (process.platform === 'linux') return;
  throw new CommandError('unsupported', EXIT.error, 'Services are installed on Linux with systemd only.', {
    next: 'satchel start',
  });
}

/** Each home has a unit of its own. */
function unitOf(home: string, env: Env): { readonly name: string; readonly file: string } {
  const isUsual = home === homeOf({ ...env, SATCHEL_HOME: '' });
  const suffix = isUsual ? '' : `-${createHash('sha256').update(home).digest('hex').slice(0, 8)}`;
  const name = `satchel${suffix}.service`;
  const configHome = env['XDG_CONFIG_HOME'] || join(homedir(), '.config');
  return { name, file: join(configHome, 'systemd', 'user', name) };
}

/** `man systemd.service`: `%` is doubled, and each word is quoted. */
function word(text: string): string {
  return `"${text.replaceAll('%', '%%').replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

function unitText(home: string): string {
  const { file, args, env } = daemonProcess();
  const command = [file, ...args, 'start', '--foreground'].map(word).join(' ');
  const variables = Object.entries({ ...env, SATCHEL_HOME: home }).map(([name, value]) => word(`${name}=${value}`));
  return `[Unit]
Description=Satchel file sync
After=network-online.target

[Service]
Environment=${variables.join(' ')}
ExecStart=${command.replaceAll('$', '$$$$')}
Restart=on-failure
RestartSec=15
RestartPreventExitStatus=2 3
TimeoutStopSec=15
Nice=5

[Install]
WantedBy=default.target
`;
}

function systemctl(args: readonly string[], file: string): void {
  const { status, error, stderr } = spawnSync('systemctl', ['--user', ...args], { encoding: 'utf8' });
  if (status === 0) return;
  const reason = error?.message ?? stderr.trim().split('\n')[0] ?? 'unknown';
  throw new CommandError('systemd', EXIT.error, `${file} is written, but systemd refuses: ${reason}.`, {
    next: 'satchel start',
  });
}
