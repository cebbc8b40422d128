import { createIgnoreRules, IGNORE_FILE } from '@satchel/core/ignore-rules.ts';
import type { SimDevice } from './device.ts';
import type { Tools } from './doing.ts';
import type { IGNORING_ACTS } from './modes.ts';

const RULES = ['a', 'b/', 'c', '*.txt', '*.md', '/old', 'new/**', 'd/*', '!a', '!d/b', 'w*', '/a/b'];

/** What users do to the ignore file. */
export function doIgnoring(kind: (typeof IGNORING_ACTS)[number], device: SimDevice, tools: Tools): string | undefined {
  const { disk } = device;
  const { chance, ledger } = tools;
  const there = disk.find(IGNORE_FILE);
  if (there !== undefined && there.type !== 'file') return undefined;
  if (kind === 'ignoreNothing') {
    if (there === undefined) return undefined;
    ledger.letGo(there.data);
    disk.unlink(IGNORE_FILE);
    return IGNORE_FILE;
  }
  const aside = `${IGNORE_FILE}.new`;
  if (disk.find(aside) !== undefined) return undefined;
  const rules = Array.from({ length: 1 + chance.below(3) }, () => chance.pick(RULES));
  const text = Buffer.from([`# ${ledger.fresh()}`, ...rules, ''].join('\n'));
  ledger.wrote(text);
  if (there !== undefined) ledger.letGo(there.data);
  if (there !== undefined && chance.happens(0.5)) disk.write(there, text);
  else {
    disk.write(disk.create(aside, 'file'), text);
    disk.rename(aside, IGNORE_FILE);
  }
  return rules.join(' ');
}

/** By the rules that lie on this device. */
export function rulesOf({ disk }: SimDevice) {
  const file = disk.find(IGNORE_FILE);
  return createIgnoreRules(file?.type === 'file' ? new TextDecoder().decode(file.data) : undefined);
}
