import type { DeviceId } from '@satchel/protocol/ids.ts';

/** Long-lived connections by device, so that they end when the device is signed out. */
export interface OpenConnections {
  /** Disposed when the connection has ended by itself. */
  add(deviceId: DeviceId, cut: () => void): Disposable;
  cutDevice(deviceId: DeviceId): void;
  /** Devices that have any. */
  devices(): Iterable<DeviceId>;
}

export function createOpenConnections(): OpenConnections {
  const open = new Map<DeviceId, Set<() => void>>();
  return {
    add: (deviceId, cut) => {
      const own = (): void => cut();
      const cuts = open.get(deviceId) ?? new Set();
      cuts.add(own);
      open.set(deviceId, cuts);
      return {
        [Symbol.dispose]: () => {
          cuts.delete(own);
          if (cuts.size === 0 && open.get(deviceId) === cuts) open.delete(deviceId);
        },
      };
    },
    cutDevice: (deviceId) => {
      for (const cut of open.get(deviceId) ?? []) cut();
    },
    devices: () => open.keys(),
  };
}
