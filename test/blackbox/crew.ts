/** One server and its devices, kept over many histories, and the troubles that befall them. */
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { callDaemon, callDaemonIfRunning } from '@satchel/client/control/control-client.ts';
import { type DaemonStatus } from '@satchel/client/control/daemon-control.ts';
import { mountTmpfs, type Mount } from '../support/mount.ts';
import { type Fate } from '../support/proxy.ts';
import { seededRandom } from '../support/random.ts';
import { type Device } from '../support/satchel.ts';
import { writerPause } from '../support/until.ts';
import { createWorld, type World } from '../support/world.ts';
import { createBook, type Book } from './book.ts';
import { createHand, type Hand } from './hand.ts';
import { type Trouble, type TroubleKind } from './script.ts';

const NAMES = ['ann', 'bob', 'carol', 'dave'];
const SMALL_DISK_BYTES = 160 << 20;

export type Figures = {
  -readonly [
    K in 'acts' | 'kills' | 'serverKills' | 'freezes' | 'stops' | 'offline' | 'lossy' | 'pauses' | 'full' | 'clashes'
  ]: number;
};

export type Crew = AsyncDisposable & {
  readonly world: World;
  readonly book: Book;
  readonly hands: readonly Hand[];
  readonly figures: Figures;
  readonly begin: (trouble: Trouble) => void;
  readonly end: (trouble: Trouble) => void;
  /** Everything runs again, everybody is online; resolves when it is so. */
  readonly heal: () => Promise<void>;
};

const GUARD_OFF = { SATCHEL_GUARD_DELETES: 'off' };

/** @param smallDisk the first device's folder lies on a small file system of its own (needs root) */
export async function assembleCrew(devices: number, { smallDisk }: { readonly smallDisk: boolean }): Promise<Crew> {
  const world = await createWorld({ devices: [], proxied: true, deviceEnv: GUARD_OFF, server: { env: GUARD_OFF } });
  let mount: Mount | undefined;
  try {
    const small = world.scratch.join('small-disk');
    if (smallDisk) mount = mountTmpfs(small, SMALL_DISK_BYTES);
    const addresses = NAMES.slice(0, devices);
    for (const [at, name] of addresses.entries())
      await world.addDevice(name, {
        options: { answers, ...(at === 0 && smallDisk ? { root: join(small, name) } : {}) },
      });
  } catch (error) {
    mount?.unmount();
    await world[Symbol.asyncDispose]();
    throw error;
  }
  const book = createBook();
  const hands = world.devices.map((device, at) =>
    createHand(at, { root: device.root, graveyard: join(dirname(device.root), `${device.name}-graveyard`) }, book),
  );
  const figures: Figures = {
    acts: 0,
    kills: 0,
    serverKills: 0,
    freezes: 0,
    stops: 0,
    offline: 0,
    lossy: 0,
    pauses: 0,
    full: 0,
    clashes: 0,
  };
  const troubles = troublesOf(world, figures);
  return {
    world,
    book,
    hands,
    figures,
    ...troubles,
    async [Symbol.asyncDispose]() {
      mount?.unmount();
      await world[Symbol.asyncDispose]();
    },
  };
}

/** What happens to one process happens in order; what happens to several, at once. */
function troublesOf(world: World, figures: Figures): Pick<Crew, 'begin' | 'end' | 'heal'> {
  const queues = new Map<string, Promise<void>>();
  const failures: unknown[] = [];
  const inTurn = (whose: string, work: () => Promise<void> | void): void => {
    const last = queues.get(whose) ?? Promise.resolve();
    queues.set(
      whose,
      last.then(work).catch((error: unknown) => void failures.push(error)),
    );
  };
  const whose = ({ kind, device }: Trouble): string => (kind.endsWith('Server') ? 'server' : world.device(device).name);
  const acts = Object.fromEntries(
    (Object.keys(DOINGS) as TroubleKind[]).map((kind) => [kind, DOINGS[kind](world, figures)]),
  ) as Record<TroubleKind, Doing>;
  return {
    begin: (trouble) =>
      inTurn(whose(trouble), async () => {
        await writerPause(trouble.lateMs);
        await acts[trouble.kind].begin(world.device(trouble.device), trouble.lot);
      }),
    end: (trouble) => inTurn(whose(trouble), async () => await acts[trouble.kind].end(world.device(trouble.device))),
    heal: async () => {
      await Promise.all(queues.values());
      await up(world.server);
      await Promise.all(
        world.devices.map(async (device) => {
          const net = world.net(device);
          net.setRule(undefined);
          net.setOnline(true);
          release(device);
          rmSync(ballastOf(device), { force: true });
          if (!device.running()) await device.start();
          if ((await statusOf(device)).state === 'paused') await device.ok('resume');
        }),
      );
      if (failures.length > 0) throw new AggregateError(failures.splice(0), 'a trouble could not be made');
    },
  };
}

type Doing = {
  readonly begin: (device: Device, lot: number) => Promise<void> | void;
  readonly end: (device: Device) => Promise<void> | void;
};

const DOINGS: Readonly<Record<TroubleKind, (world: World, figures: Figures) => Doing>> = {
  kill: (_, figures) => ({
    begin: async (device) => {
      if (!device.running()) return;
      figures.kills++;
      await device.stop('SIGKILL');
    },
    end: async (device) => (device.running() ? undefined : await device.start()),
  }),
  stop: (_, figures) => ({
    begin: async (device) => {
      if (!device.running()) return;
      figures.stops++;
      release(device);
      await device.ok('stop');
      await device.process().exited;
    },
    end: async (device) => (device.running() ? undefined : await device.start()),
  }),
  freeze: (_, figures) => ({
    begin: (device) => {
      if (!device.running()) return;
      figures.freezes++;
      device.process().signal('SIGSTOP');
    },
    end: (device) => release(device),
  }),
  offline: (world, figures) => ({
    begin: (device) => {
      figures.offline++;
      world.net(device).setOnline(false);
    },
    end: (device) => world.net(device).setOnline(true),
  }),
  cut: (world) => ({ begin: (device) => world.net(device).cutAll(), end: (device) => world.net(device).cutAll() }),
  lossy: (world, figures) => ({
    begin: (device, lot) => {
      figures.lossy++;
      const random = seededRandom(lot);
      const fates: readonly Fate[] = [
        'cut',
        'drop-reply',
        'drop-reply',
        'duplicate',
        'hang',
        { delayMs: 50 },
        { delayMs: 300 },
      ];
      world.net(device).setRule(() => (random.below(3) === 0 ? random.pick(fates) : 'pass'));
    },
    end: (device) => {
      world.net(device).setRule(undefined);
      world.net(device).cutAll();
    },
  }),
  pause: (_, figures) => ({
    begin: async (device) => {
      if (!device.running()) return;
      figures.pauses++;
      release(device);
      await device.ok('pause');
    },
    end: async (device) => {
      if (!device.running()) return;
      release(device);
      await device.ok('resume');
    },
  }),
  full: (_, figures) => ({
    begin: (device) => {
      figures.full++;
      fill(ballastOf(device));
    },
    end: (device) => rmSync(ballastOf(device), { force: true }),
  }),
  killServer: (world, figures) => ({
    begin: async () => {
      if (!world.server.process().running()) return;
      figures.serverKills++;
      await world.server.stop('SIGKILL');
    },
    end: async () => await up(world.server),
  }),
  stopServer: (world, figures) => ({
    begin: async () => {
      if (!world.server.process().running()) return;
      figures.stops++;
      world.server.process().signal('SIGCONT');
      await world.server.stop();
    },
    end: async () => await up(world.server),
  }),
  freezeServer: (world, figures) => ({
    begin: () => {
      if (!world.server.process().running()) return;
      figures.freezes++;
      world.server.process().signal('SIGSTOP');
    },
    end: async () => await up(world.server),
  }),
};

/** As `satchel status` prints it, without starting a process for it. */
export async function statusOf(device: Device): Promise<DaemonStatus> {
  return await callDaemon('status', { home: device.home, params: {}, signal: AbortSignal.timeout(30_000) });
}

async function answers(home: string): Promise<boolean> {
  const request = { home, params: {}, signal: AbortSignal.timeout(30_000) };
  return (await callDaemonIfRunning('status', request)) !== undefined;
}

async function up(server: World['server']): Promise<void> {
  if (server.process().running()) server.process().signal('SIGCONT');
  else await server.start();
}

function release(device: Device): void {
  if (device.running()) device.process().signal('SIGCONT');
}

/** Beside the synced folder, on the same file system. */
function ballastOf(device: Device): string {
  return join(dirname(device.root), `${device.name}-ballast`);
}

function fill(path: string): void {
  const piece = Buffer.alloc(1 << 20);
  const fd = openSync(path, 'w');
  try {
    for (let size = piece.length; size >= 4096;) {
      try {
        writeSync(fd, piece, 0, size);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
        size = Math.floor(size / 2);
      }
    }
  } finally {
    closeSync(fd);
  }
}
