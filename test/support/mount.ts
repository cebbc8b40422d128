/** Small file systems for tests of full disks and vanishing roots. They need root; see `skipWithoutMounts`. */
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';

export type Mount = Disposable & {
  /** Takes it away even while somebody looks into it. */
  readonly unmount: () => void;
  readonly mountAgain: () => void;
  readonly resize: (sizeBytes: number) => void;
};

/** The options of a test that mounts: a named skip on a laptop without root, an ordinary test (that may fail) in CI. */
export function skipWithoutMounts(): { readonly skip: string | false } {
  const possible = process.platform === 'linux' && process.getuid?.() === 0;
  return { skip: possible || process.env['CI'] === 'true' ? false : 'mounting needs root; CI runs this' };
}

function must(command: string, ...args: readonly string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
}

/** A file system in memory of this size. */
export function mountTmpfs(at: string, sizeBytes: number): Mount {
  mkdirSync(at, { recursive: true });
  return mounted(at, () => must('mount', '-t', 'tmpfs', '-o', `size=${sizeBytes}`, 'satchel-test', at));
}

/** A second appearance of a folder. */
export function mountBind(source: string, at: string): Mount {
  mkdirSync(source, { recursive: true });
  mkdirSync(at, { recursive: true });
  return mounted(at, () => must('mount', '--bind', source, at));
}

function mounted(at: string, mount: () => void): Mount {
  let present = false;
  const mountAgain = (): void => {
    mount();
    present = true;
  };
  const unmount = (): void => {
    if (present) must('umount', '-l', at);
    present = false;
  };
  mountAgain();
  return {
    mountAgain,
    unmount,
    resize: (sizeBytes) => must('mount', '-o', `remount,size=${sizeBytes}`, at),
    [Symbol.dispose]: unmount,
  };
}
