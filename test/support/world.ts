/** One server and some devices of one account, as most tests need them. */
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
import { scratch, type Scratch } from './scratch.ts';

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
  afterEach((context) => {
    if ('passed' in context && !context.passed) world.printLogs();
  });
  after(async () => await world[Symbol.asyncDispose]());
  return world;
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
