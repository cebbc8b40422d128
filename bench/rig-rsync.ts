/** Peer: rsync, A to a hub and the hub to B, through an rsync daemon on loopback. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { run, startChild } from '../test/support/child.ts';
import { freePort } from '../test/support/satchel.ts';
import { scratch } from '../test/support/scratch.ts';
import { until } from '../test/support/until.ts';
import { type Rig } from './rig.ts';

/** `flags` go to both transfers, e.g. `-z`. */
export async function rsyncRig(flags: readonly string[] = []): Promise<Rig> {
  const stack = new AsyncDisposableStack();
  const folder = stack.use(scratch('bench-rsync'));
  const port = await freePort();
  const [a, b, hub, stage] = ['a', 'b', 'hub', 'stage'].map((name) => folder.join(name)) as [
    string,
    string,
    string,
    string,
  ];
  for (const path of [a, b, hub, stage]) mkdirSync(path);
  writeFileSync(
    folder.join('conf'),
    `use chroot = no\nuid = ${process.getuid?.()}\ngid = ${process.getgid?.()}\n[hub]\npath = ${hub}\nread only = no\n`,
  );
  stack.use(
    startChild({
      name: 'rsyncd',
      env: process.env,
      logFile: folder.join('log'),
      command: [
        'rsync',
        '--daemon',
        '--no-detach',
        `--config=${folder.join('conf')}`,
        '--address=127.0.0.1',
        `--port=${port}`,
      ],
    }),
  );
  await until(async () => await accepts(port), { timeoutMs: 10_000, what: 'the rsync daemon listens' });
  const module = `rsync://127.0.0.1:${port}/hub/`;
  const rsync = async (from: string, to: string): Promise<void> => {
    const { code, stderr } = await run(['rsync', '-a', '--delete', ...flags, from, to], {
      env: process.env,
      timeoutMs: 600_000,
    });
    if (code !== 0) throw new Error(`rsync ended with ${code}: ${stderr}`);
  };
  return {
    subject: 'rsync',
    a,
    b,
    stage,
    push: async () => {
      await rsync(`${a}/`, module);
      await rsync(module, `${b}/`);
    },
    rest: async () => undefined,
    [Symbol.asyncDispose]: async () => await stack.disposeAsync(),
  };
}

async function accepts(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
