import type { CommandContext } from '../cli/command-spec.ts';
import { columns, displayText } from '../cli/display.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { callDaemon } from '../control/control-client.ts';

/** `satchel doctor`: 1 when something was found that could not be mended. */
export async function doctor({ home, signal, terminal }: CommandContext): Promise<number> {
  terminal.say('Checking the disk, the state of this device and the server …');
  const report = await callDaemon('doctor', { home, params: {}, signal });
  const { objects, files, workspaces } = report.checked;
  const rows = report.findings.map(({ code, path, message, repaired }) => [
    repaired ? 'mended' : 'FOUND',
    code,
    displayText(path),
    displayText(message),
  ]);
  const head = `Checked ${objects} objects, ${files} files and ${workspaces} workspaces.`;
  const text = [head, ...(rows.length === 0 ? ['Everything agrees.'] : columns(rows))].join('\n');
  terminal.result(report, text);
  return report.findings.every(({ repaired }) => repaired) ? EXIT.done : EXIT.error;
}
