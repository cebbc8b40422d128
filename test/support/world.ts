/** One server and some devices of one account, as most tests need them. */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach } from 'node:test';
import { startProxy, type Proxy } from './proxy.ts';
import {
  createDevice,
  newAccount,
  startServer,
  type Account,
  type Device,
  type DeviceOptions,
  type Server,
  type ServerOptions,
} from './satchel.ts';
import { makeRemovable, scratch, type Scratch } from './scratch.ts';

export type World = AsyncDisposable & {
  readonly scratch: Scratch;
  readonly server: Server;
  readonly account: Account;
  readonly devices: readonly Device[];
  /** The proxy in front of each device, by device name; only with `proxied`. */
  readonly net: (device: Device) => Proxy;
  readonly device: (index: number) => Device;
  /** One more device of the same account: signed in, linked and started unless told otherwise. */
  readonly addDevice: (name: string, how?: AddDevice) => Promise<Device>;
  readonly proxied: boolean;
  readonly printLogs: () => void;
};

export type AddDevice = {
  readonly start?: boolean;
  readonly link?: boolean;
  readonly account?: Account;
  readonly options?: Partial<DeviceOptions>;
};

export type WorldOptions = {
  /** Names of the devices; the first one signs up, the others sign in. */
  readonly devices: readonly string[];
  /** A counting, cutting, throttling proxy between each device and the server. */
  readonly proxied?: boolean;
  readonly server?: Partial<ServerOptions>;
  readonly deviceEnv?: Readonly<Record<string, string>>;
  readonly start?: boolean;
  /** Leave folders as they are after a failed test (its successors look at the same outcome). */
  readonly keepAfterFailure?: boolean;
};

/** Builds the world; what was begun is ended again, its logs shown, when it cannot be completed. */
export async function createWorld(options: WorldOptions): Promise<World> {
  const folder = scratch('e2e');
  const stack = new AsyncDisposableStack();
  stack.use(folder);
  const devices: Device[] = [];
  const proxies = new Map<string, Proxy>();
  let server: Server | undefined;
  const printLogs = (): void => {
    if (server !== undefined) printTail('server', server.log());
    for (const device of devices) printTail(device.name, device.log());
  };
  try {
    const running = stack.use(await startServer({ folder: folder.path, ...options.server }));
    server = running;
    const account = newAccount(folder.path);
    const addDevice: World['addDevice'] = async (name, how = {}) => {
      const proxy = options.proxied === true ? stack.use(await startProxy({ targetPort: running.port })) : undefined;
      if (proxy !== undefined) proxies.set(name, proxy);
      const device = stack.use(
        createDevice({
          name,
          folder: folder.path,
          serverUrl: proxy?.url ?? running.url,
          ...how.options,
          env: { ...options.deviceEnv, ...how.options?.env },
        }),
      );
      const first = devices.length === 0 || how.account !== undefined;
      devices.push(device);
      await (first ? device.signUp(how.account ?? account) : device.logIn(account));
      if (how.link !== false) await device.link();
      if (how.start !== false && how.link !== false) await device.start();
      return device;
    };
    for (const name of options.devices) await addDevice(name, { start: options.start !== false });
    return {
      proxied: options.proxied === true,
      scratch: folder,
      server: running,
      account,
      devices,
      addDevice,
      printLogs,
      device: (index) => found(devices[index], `device ${index}`),
      net: (device) => found(proxies.get(device.name), `a proxy for ${device.name}`),
      [Symbol.asyncDispose]: async () => await stack.disposeAsync(),
    };
  } catch (error) {
    printLogs();
    await stack.disposeAsync();
    throw error;
  }
}

/** A world for all tests of a file: ended after the last one, its logs printed after each one that failed. */
export async function worldForFile(options: WorldOptions): Promise<World> {
  const world = await createWorld(options);
  afterEach(async (context) => {
    if (!('passed' in context) || context.passed) return;
    world.printLogs();
    if (options.keepAfterFailure !== true) await startAfresh(world);
  });
  after(async () => await world[Symbol.asyncDispose]());
  return world;
}

/** After a failed test: empty folders and running processes, as far as that can be had, so that the next test speaks for itself. */
async function startAfresh(world: World): Promise<void> {
  if (!world.server.process().running()) await world.server.start();
  for (const device of world.devices) {
    if (world.proxied) {
      world.net(device).setOnline(true);
      world.net(device).setRule(undefined);
      world.net(device).limit({});
    }
    emptyFolder(device.root);
    if (!device.running()) await device.start();
    await device.cli(['held', 'accept']);
  }
  await Promise.all(world.devices.map(async (device) => await device.wait(10)));
}

/** Removes everything but the client's own folder. */
function emptyFolder(root: string): void {
  makeRemovable(root);
  for (const name of readdirSync(root))
    if (name !== '.satchel') rmSync(join(root, name), { recursive: true, force: true });
}

/** A world for one test; its logs are printed when `work` throws. */
export async function withWorld(options: WorldOptions, work: (world: World) => Promise<void>): Promise<void> {
  await using world = await createWorld(options);
  try {
    await work(world);
  } catch (error) {
    world.printLogs();
    throw error;
  }
}

function found<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`there is no ${what}`);
  return value;
}

function printTail(name: string, log: string): void {
  const lines = log.trimEnd().split('\n').slice(-40);
  process.stderr.write(`──── last lines of ${name}\n${lines.map((line) => `  ${line.slice(0, 400)}`).join('\n')}\n`);
}
