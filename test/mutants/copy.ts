import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { outcomeOf, type Outcome, type Run } from './outcome.ts';
import { argumentsOf, MOST_MINUTES, type Mutant, type Suite } from './mutant.ts';

export const ROOT = join(import.meta.dirname, '../..');

const COPIED = [
  'bench',
  'bin',
  'docs',
  'packages',
  'scripts',
  'test',
  'package.json',
  'tsconfig.json',
  'tsconfig.base.json',
];
const PACKAGES = ['protocol', 'core', 'server', 'client'];
/** Of other commands than suites. */
const MOST_MINUTES_OF_COMMAND = 5;
const GRACE_MS = 10_000;

/** A copy of the project in which faults are planted. What npm has installed is linked, not copied. */
export interface Copy extends Disposable {
  readonly path: string;
  node(args: readonly string[], minutes?: number): Promise<Run>;
  run(suite: Suite): Promise<Outcome>;
  /** Plants the faults for as long as the work runs. */
  planted<T>(mutants: readonly Mutant[], work: () => Promise<T>): Promise<T>;
}

/** The text with the fault in it. @throws RangeError when what is to be found does not stand there exactly once */
export function mutate(text: string, { name, file, find, replace }: Mutant): string {
  const parts = text.split(find);
  if (parts.length !== 2)
    throw new RangeError(`${name}: what is to be replaced stands ${parts.length - 1} times in ${file}`);
  if (find === replace) throw new RangeError(`${name}: nothing is replaced in ${file}`);
  return parts.join(replace);
}

/** Workspaces are linked by npm into the folder that they were installed in: here each copy has links of its own. */
function linkInstalled(path: string): void {
  const installed = join(path, 'node_modules');
  mkdirSync(join(installed, '@satchel'), { recursive: true });
  for (const name of readdirSync(join(ROOT, 'node_modules')))
    if (name !== '@satchel') symlinkSync(join(ROOT, 'node_modules', name), join(installed, name));
  for (const name of PACKAGES) symlinkSync(`../../packages/${name}`, join(installed, '@satchel', name));
  for (const name of PACKAGES) {
    const own = join('packages', name, 'node_modules');
    if (readdirSync(join(ROOT, 'packages', name)).includes('node_modules'))
      symlinkSync(join(ROOT, own), join(path, own));
  }
}

interface Command {
  readonly path: string;
  readonly args: readonly string[];
  readonly minutes: number;
  readonly signal: AbortSignal;
}

async function run({ path, args, minutes, signal }: Command): Promise<Run> {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const child = spawn(join(path, 'node_modules/.bin/node'), ['--disable-warning=ExperimentalWarning', ...args], {
    cwd: path,
    env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let isCutOff = false;
  const end = (how: NodeJS.Signals): void => {
    isCutOff = true;
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, how);
  };
  const abort = (): void => end('SIGTERM');
  signal.addEventListener('abort', abort);
  const ms = minutes * 60_000;
  const timers = [setTimeout(end, ms, 'SIGTERM'), setTimeout(end, ms + GRACE_MS, 'SIGKILL')];
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  try {
    return await new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (status) => resolve({ status, output, isCutOff }));
    });
  } finally {
    signal.removeEventListener('abort', abort);
    timers.forEach(clearTimeout);
    signal.throwIfAborted();
  }
}

/** @param signal ends what runs in the copy */
export function makeCopy(signal: AbortSignal): Copy {
  const path = mkdtempSync(join(tmpdir(), 'satchel-mutants-'));
  for (const name of COPIED)
    cpSync(join(ROOT, name), join(path, name), {
      recursive: true,
      filter: (from) => !from.endsWith('/node_modules'),
    });
  linkInstalled(path);
  const node = async (args: readonly string[], minutes = MOST_MINUTES_OF_COMMAND) =>
    run({ path, args, minutes, signal });
  return {
    path,
    node,
    async run(suite) {
      return outcomeOf(suite, await node(argumentsOf(suite), MOST_MINUTES[suite.kind]));
    },
    async planted(mutants, work) {
      const originals = new Map<string, string>();
      try {
        for (const mutant of mutants) {
          const file = join(path, mutant.file);
          const text = readFileSync(file, 'utf8');
          if (!originals.has(file)) originals.set(file, text);
          writeFileSync(file, mutate(text, mutant));
        }
        return await work();
      } finally {
        for (const [file, text] of originals) writeFileSync(file, text);
      }
    },
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}
