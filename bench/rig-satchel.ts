/** The product: device A, a server, device B, each a process of its own. */
import { mkdirSync } from 'node:fs';
import { type LinkSpeed } from '../test/support/link-speed.ts';
import { allInSync } from '../test/support/converge.ts';
import { type Device, type Server } from '../test/support/satchel.ts';
import { createWorld } from '../test/support/world.ts';
import { type CountingRig, type Rig } from './rig.ts';

const guardOff = { SATCHEL_GUARD_DELETES: 'off' };

export type SatchelRig = Rig & { readonly server: Server; readonly deviceA: Device; readonly deviceB: Device };

/** Straight to the server, for figures in seconds. */
export async function satchelRig(): Promise<SatchelRig> {
  return (await build(false)).rig;
}

export type CountingSatchelRig = SatchelRig & CountingRig & { readonly limit: (speed: () => LinkSpeed) => void };

/** Through a counting proxy per device, for figures in bytes; `limit` gives each direction of each device a link of its own. */
export async function countingSatchelRig(): Promise<CountingSatchelRig> {
  const { rig, world } = await build(true);
  const nets = [world.net(rig.deviceA), world.net(rig.deviceB)] as const;
  return {
    ...rig,
    traffic: () => ({ a: nets[0].traffic(), b: nets[1].traffic() }),
    resetTraffic: () => nets.forEach((net) => net.resetTraffic()),
    limit: (speed) => nets.forEach((net) => net.limit({ up: speed(), down: speed() })),
  };
}

async function build(
  proxied: boolean,
): Promise<{ readonly rig: SatchelRig; readonly world: Awaited<ReturnType<typeof createWorld>> }> {
  const world = await createWorld({ devices: ['a', 'b'], proxied, deviceEnv: guardOff, server: { env: guardOff } });
  const [deviceA, deviceB] = [world.device(0), world.device(1)];
  const stage = world.scratch.join('stage');
  mkdirSync(stage);
  const rest = async (): Promise<void> => {
    await allInSync([deviceA, deviceB], 300);
    await allInSync([deviceA, deviceB], 300);
  };
  await rest();
  return {
    world,
    rig: {
      subject: 'satchel',
      a: deviceA.root,
      b: deviceB.root,
      stage,
      rest,
      server: world.server,
      deviceA,
      deviceB,
      [Symbol.asyncDispose]: async () => await world[Symbol.asyncDispose](),
    },
  };
}
