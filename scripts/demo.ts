/**
 * `npm run demo`: a server and two devices in a temporary folder, syncing live in this terminal for half a minute.
 * Everything it started and made is gone afterwards, also after Ctrl-C.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
  closeSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createStage, type Stage } from './demo-stage.ts';

const PROGRAM = join(import.meta.dirname, '../bin/satchel.mjs');
const NODE = [process.execPath, '--disable-warning=ExperimentalWarning'] as const;
const ARRIVES_WITHIN_MS = 20_000;
const ENDS_WITHIN_MS = 10_000;
/** So that a person can read what happened. */
const READ_MS = 1800;

interface Device {
  readonly name: string;
  readonly root: string;
  readonly env: NodeJS.ProcessEnv;
}

interface Demo {
  readonly folder: string;
  readonly children: ChildProcess[];
  readonly stage: Stage;
  readonly signal: AbortSignal;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}

/** Only what a program needs: settings of the person who runs the demo stay out of it. */
function cleanEnv(folder: string, extra: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const { PATH, TMPDIR } = process.env;
  return { PATH, TMPDIR, HOME: folder, NO_COLOR: '1', ...extra };
}

/** A process that lives as long as the demo; its output goes to a file. */
function startLasting(demo: Demo, args: readonly string[], env: NodeJS.ProcessEnv): void {
  const log = openSync(join(demo.folder, `${demo.children.length}.log`), 'a');
  const child = spawn(NODE[0], [NODE[1], PROGRAM, ...args], { env, stdio: ['ignore', log, log] });
  closeSync(log);
  demo.children.push(child);
}

async function satchel(env: NodeJS.ProcessEnv, ...args: readonly string[]): Promise<number> {
  const child = spawn(NODE[0], [NODE[1], PROGRAM, ...args], { env, stdio: 'ignore' });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

async function expectDone(env: NodeJS.ProcessEnv, ...args: readonly string[]): Promise<void> {
  const code = await satchel(env, ...args);
  if (code !== 0) throw new Error(`satchel ${args.join(' ')} ended with ${code}`);
}

async function until(demo: Demo, what: string, condition: () => boolean | Promise<boolean>): Promise<number> {
  const begin = performance.now();
  while (!(await condition())) {
    if (performance.now() - begin > ARRIVES_WITHIN_MS) throw new Error(`gave up waiting until ${what}`);
    await delay(5, undefined, { signal: demo.signal });
  }
  return performance.now() - begin;
}

async function startServer(demo: Demo): Promise<string> {
  const url = `http://127.0.0.1:${await freePort()}`;
  const args = ['serve', '--data', join(demo.folder, 'server'), '--listen', url.replace('http://', '')];
  startLasting(demo, args, cleanEnv(demo.folder, { SATCHEL_KEY_FILE: join(demo.folder, 'server.key') }));
  await until(demo, 'the server answers', async () => {
    try {
      return (await fetch(`${url}/readyz`)).ok;
    } catch {
      return false; // it is still starting
    }
  });
  return url;
}

async function startDevice(demo: Demo, url: string, name: string, how: 'signup' | 'login'): Promise<Device> {
  const env = cleanEnv(demo.folder, {
    SATCHEL_HOME: join(demo.folder, `${name}-state`),
    SATCHEL_DEVICE_NAME: name,
  });
  const root = join(demo.folder, name);
  const passwordFile = join(demo.folder, 'password');
  await expectDone(env, how, '--server', url, '--email', 'you@example.org', '--password-file', passwordFile);
  await expectDone(env, 'link', root);
  startLasting(demo, ['start', '--foreground'], env);
  await until(demo, `${name} answers`, async () => (await satchel(env, 'status')) === 0);
  return { name, root, env };
}

/** Says what is done, does it, and measures until the other device has it. */
async function scene(demo: Demo, title: string, work: () => void, arrived: () => boolean): Promise<void> {
  demo.stage.say(title);
  await delay(700, undefined, { signal: demo.signal });
  work();
  const ms = await until(demo, title, arrived);
  demo.stage.say(`${title}  →  there after ${Math.round(ms)} ms`);
  await delay(READ_MS, undefined, { signal: demo.signal });
}

function text(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? -1;
}

async function play(demo: Demo, laptop: Device, desktop: Device): Promise<void> {
  const here = (name: string): string => join(laptop.root, name);
  const there = (name: string): string => join(desktop.root, name);
  await scene(
    demo,
    'The laptop writes a note',
    () => writeFileSync(here('note.txt'), 'Buy bread\n'),
    () => text(there('note.txt')) === 'Buy bread\n',
  );
  await scene(
    demo,
    'The desktop adds a line to it',
    () => writeFileSync(there('note.txt'), 'Buy bread\nand butter\n'),
    () => text(here('note.txt')).includes('butter'),
  );
  const photos = ['beach', 'boat', 'dinner', 'sunset', 'tent'].map((name) => `photos/${name}.jpg`);
  await scene(
    demo,
    'The laptop gets a folder of photos',
    () => {
      mkdirSync(here('photos'));
      for (const name of photos) writeFileSync(here(name), randomBytes(300_000));
    },
    () => photos.every((name) => sizeOf(there(name)) === 300_000),
  );
  await scene(
    demo,
    'The desktop renames it: one rename, nothing is sent again',
    () => renameSync(there('photos'), there('summer')),
    () => existsSync(here('summer/tent.jpg')) && !existsSync(here('photos')),
  );
  const videoBytes = 48 * 1024 * 1024;
  await scene(
    demo,
    'The laptop records a video of 48 MiB',
    () => writeFileSync(here('video.mp4'), randomBytes(videoBytes)),
    () => sizeOf(there('video.mp4')) === videoBytes,
  );
  await scene(
    demo,
    'It is cut a little: only the change travels',
    () => {
      const file = openSync(here('video.mp4'), 'r+');
      writeSync(file, 'a new title', 20_000_000);
      closeSync(file);
    },
    () => readFileSync(there('video.mp4')).includes('a new title'),
  );
  await conflict(demo, laptop, desktop);
  await scene(
    demo,
    'The desktop deletes the video',
    () => rmSync(there('video.mp4')),
    () => !existsSync(here('video.mp4')),
  );
}

async function conflict(demo: Demo, laptop: Device, desktop: Device): Promise<void> {
  demo.stage.say('Both go offline and change the same note …');
  await Promise.all([satchel(laptop.env, 'pause'), satchel(desktop.env, 'pause')]);
  writeFileSync(join(laptop.root, 'note.txt'), 'Buy cheese\n');
  writeFileSync(join(desktop.root, 'note.txt'), 'Buy wine\n');
  await delay(READ_MS, undefined, { signal: demo.signal });
  await satchel(desktop.env, 'resume');
  await satchel(desktop.env, 'wait', '--timeout', '20');
  await satchel(laptop.env, 'resume');
  const copies = (root: string): readonly string[] =>
    readdirSync(root).filter((name) => name.includes('conflicted copy'));
  await until(demo, 'both versions are on both', () =>
    [laptop, desktop].every(({ root }) => copies(root).length === 1 && text(join(root, 'note.txt')) !== ''),
  );
  demo.stage.say('… back online both versions are on both: nothing is lost');
  await delay(2 * READ_MS, undefined, { signal: demo.signal });
}

async function end({ children, folder, stage }: Demo): Promise<void> {
  stage[Symbol.dispose]();
  const alive = children.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
  const gone = alive.map((child) => new Promise((resolve) => child.once('exit', resolve)));
  for (const child of alive) child.kill('SIGTERM');
  const late = setTimeout(() => alive.forEach((child) => child.kill('SIGKILL')), ENDS_WITHIN_MS);
  await Promise.all(gone);
  clearTimeout(late);
  rmSync(folder, { recursive: true, force: true });
}

async function main(): Promise<number> {
  const interrupting = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => interrupting.abort(new Error('interrupted')));
  const folder = mkdtempSync(join(tmpdir(), 'satchel-demo-'));
  const stage = createStage();
  const demo: Demo = { folder, children: [], stage, signal: interrupting.signal };
  try {
    writeFileSync(join(folder, 'password'), `${randomBytes(16).toString('hex')}\n`, { mode: 0o600 });
    stage.say('Starting a server …');
    const url = await startServer(demo);
    stage.say('Starting the laptop: sign up, link, start …');
    const laptop = await startDevice(demo, url, 'laptop', 'signup');
    stage.say('Starting the desktop: log in, link, start …');
    const desktop = await startDevice(demo, url, 'desktop', 'login');
    stage.show([laptop, desktop]);
    await play(demo, laptop, desktop);
    await Promise.all([laptop, desktop].map(({ env }) => expectDone(env, 'wait', '--timeout', '20')));
    stage.say('Both folders are the same. Server and devices are being stopped and removed.');
    await delay(READ_MS, undefined, { signal: demo.signal });
    return 0;
  } catch (error) {
    if (interrupting.signal.aborted) return 130;
    stage[Symbol.dispose]();
    const logs = demo.children.map((_, at) => text(join(folder, `${at}.log`)).slice(-1500));
    process.stderr.write(`The demo failed: ${(error as Error).message}\n${logs.join('\n')}\n`);
    return 1;
  } finally {
    await end(demo);
  }
}

process.exitCode = await main();
