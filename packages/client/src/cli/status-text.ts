import type { DaemonStatus, SyncState } from '../control/daemon-control.ts';
import { displayText, displayTime } from './display.ts';
import type { Style, Terminal } from './terminal.ts';
import { formatBytes, formatDuration, formatRate } from './units.ts';

const HEAD: Readonly<Record<SyncState, readonly [Style, string]>> = {
  synced: ['green', '✓ In sync'],
  syncing: ['cyan', '⇅ Syncing'],
  paused: ['yellow', '‖ Paused'],
  offline: ['yellow', '○ The server cannot be reached; trying again'],
  held: ['yellow', '! Held back until you decide'],
  error: ['red', '✗ Stopped'],
};

const SHOWN_PROBLEMS = 20;
const COUNT = new Intl.NumberFormat('en');

function counted(amount: number, one: string, many = `${one}s`): string {
  return `${COUNT.format(amount)} ${amount === 1 ? one : many}`;
}

/** `satchel status` for people. */
export function statusText(status: DaemonStatus, { style }: Pick<Terminal, 'style'>): string {
  const [color, head] = HEAD[status.state];
  const { pausedUntil } = status;
  const until = pausedUntil === null ? '' : ` until ${displayTime(Date.parse(pausedUntil))}`;
  const scanning = status.scanned ? '' : ' (looking through the folder)';
  const lines = [
    style('bold', style(color, `${head}${status.state === 'paused' ? until : ''}`)) + scanning,
    `  ${displayText(status.root)}  ⇄  ${status.server}`,
    `  ${status.account} on ${displayText(status.device)}, ${counted(status.files, 'file')}`,
    ...pendingLines(status),
    ...heldLines(status),
    ...problemLines(status),
  ];
  if (status.conflicts > 0)
    lines.push(`  ${counted(status.conflicts, 'conflicted copy', 'conflicted copies')}: satchel conflicts ls`);
  const { lastSyncAt, state } = status;
  if (lastSyncAt !== null && state !== 'synced')
    lines.push(style('dim', `  last in sync ${displayTime(Date.parse(lastSyncAt))}`));
  return lines.join('\n');
}

function pendingLines({ pending, rates }: DaemonStatus): readonly string[] {
  const line = (mark: string, count: number, bytes: number, rate: number): readonly string[] => {
    if (count === 0) return [];
    const left = rate > 0 && bytes > 0 ? `, ${formatRate(rate)}, ${formatDuration((bytes / rate) * 1000)} left` : '';
    return [`  ${mark} ${COUNT.format(count)} to go, ${formatBytes(bytes)}${left}`];
  };
  return [
    ...line('↑', pending.uploads, pending.bytesUp, rates.bytesPerSecondUp),
    ...line('↓', pending.downloads, pending.bytesDown, rates.bytesPerSecondDown),
  ];
}

function heldLines({ held }: DaemonStatus): readonly string[] {
  if (held === null) return [];
  return [
    `  ${counted(held.deletes, 'deletion')} held since ${displayTime(Date.parse(held.since))}:`,
    '    satchel held accept   let them through',
    '    satchel held undo     bring the files back',
  ];
}

function problemLines({ problems }: DaemonStatus): readonly string[] {
  const shown = problems.slice(0, SHOWN_PROBLEMS).map(({ path, message }) => {
    const where = path === '' ? '' : `${displayText(path)}: `;
    return `  ✗ ${where}${displayText(message)}`;
  });
  const more = problems.length - shown.length;
  return more > 0 ? [...shown, `  … and ${counted(more, 'more problem')}: satchel status --json`] : shown;
}
