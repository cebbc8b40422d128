/** Peer: two Syncthing instances talking directly on loopback, without relays, discovery or NAT. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run, startChild, type Child } from '../test/support/child.ts';
import { freePort } from '../test/support/satchel.ts';
import { scratch } from '../test/support/scratch.ts';
import { until } from '../test/support/until.ts';
import { type Rig } from './rig.ts';

type Node = {
  readonly home: string;
  readonly root: string;
  readonly id: string;
  readonly listen: number;
  readonly api: number;
};

const apiKey = 'bench-only-loopback';

export type SyncthingRig = Rig & { readonly processes: readonly Child[] };

export async function syncthingRig(): Promise<SyncthingRig> {
  const stack = new AsyncDisposableStack();
  const folder = stack.use(scratch('bench-syncthing'));
  const stage = folder.join('stage');
  mkdirSync(stage);
  const nodes = [await makeNode(folder.path, 'a'), await makeNode(folder.path, 'b')] as const;
  for (const node of nodes) writeFileSync(join(node.home, 'config.xml'), configOf(node, nodes));
  const processes = nodes.map((node) =>
    stack.use(
      startChild({
        name: 'syncthing',
        logFile: join(node.home, 'log'),
        env: { ...process.env, HOME: node.home, STNOUPGRADE: '1' },
        command: ['syncthing', 'serve', `--home=${node.home}`, '--no-browser', '--no-restart'],
      }),
    ),
  );
  await until(async () => await connected(nodes[0], nodes[1]), {
    timeoutMs: 60_000,
    what: 'the two instances are connected',
    everyMs: 100,
  });
  const rest = async (): Promise<void> => {
    await until(async () => (await Promise.all(nodes.map(idle))).every((yes) => yes), {
      timeoutMs: 600_000,
      what: 'both instances are idle and complete',
      everyMs: 100,
    });
  };
  await rest();
  return {
    subject: 'syncthing',
    a: nodes[0].root,
    b: nodes[1].root,
    stage,
    rest,
    processes,
    [Symbol.asyncDispose]: async () => await stack.disposeAsync(),
  };
}

async function makeNode(folder: string, name: string): Promise<Node> {
  const home = join(folder, `${name}-home`);
  const root = join(folder, name);
  mkdirSync(join(root, '.stfolder'), { recursive: true });
  const env = { ...process.env, HOME: home };
  await run(['syncthing', 'generate', `--home=${home}`, '--no-default-folder', '--skip-port-probing'], { env });
  const { stdout } = await run(['syncthing', `--home=${home}`, '--device-id'], { env });
  return { home, root, id: stdout.trim(), listen: await freePort(), api: await freePort() };
}

function configOf(node: Node, nodes: readonly Node[]): string {
  const device = ({ id, listen }: Node): string =>
    `<device id="${id}" compression="metadata"><address>tcp://127.0.0.1:${listen}</address></device>`;
  const off = [
    'globalAnnounceEnabled',
    'localAnnounceEnabled',
    'relaysEnabled',
    'natEnabled',
    'crashReportingEnabled',
    'startBrowser',
  ];
  return `<configuration version="36">
<folder id="bench" path="${node.root}" type="sendreceive" rescanIntervalS="3600" fsWatcherEnabled="true" fsWatcherDelayS="1">${nodes.map(({ id }) => `<device id="${id}"/>`).join('')}<minDiskFree unit="%">0</minDiskFree></folder>
${nodes.map(device).join('\n')}
<gui enabled="true" tls="false"><address>127.0.0.1:${node.api}</address><apikey>${apiKey}</apikey></gui>
<options><listenAddress>tcp://127.0.0.1:${node.listen}</listenAddress><setLowPriority>false</setLowPriority><urAccepted>-1</urAccepted><autoUpgradeIntervalH>0</autoUpgradeIntervalH>${off.map((name) => `<${name}>false</${name}>`).join('')}</options>
</configuration>`;
}

async function ask(node: Node, path: string): Promise<unknown> {
  const reply = await fetch(`http://127.0.0.1:${node.api}/rest/${path}`, { headers: { 'x-api-key': apiKey } });
  return await reply.json();
}

async function connected(from: Node, to: Node): Promise<boolean> {
  try {
    const { connections } = (await ask(from, 'system/connections')) as {
      connections: Record<string, { connected: boolean }>;
    };
    return connections[to.id]?.connected === true;
  } catch {
    return false; // not listening yet: asked again
  }
}

async function idle(node: Node): Promise<boolean> {
  const status = (await ask(node, 'db/status?folder=bench')) as { state: string; needTotalItems: number };
  return status.state === 'idle' && status.needTotalItems === 0;
}
