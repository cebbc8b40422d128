import { Buffer } from 'node:buffer';
import { createHmac, timingSafeEqual } from 'node:crypto';
import { DeviceId } from '@satchel/protocol/ids.ts';

/**
 * Refresh tokens that the server does not keep: `device.generation.mac`, where the mac is over both and over the
 * device's own random salt. The database holds only the newest generation, so neither a copy of it nor a look at
 * it gives a token away, and asking twice with the same token gives the same successor: two programs of one
 * device that refresh at the same time, or a client killed before it stored the answer, are not locked out.
 */
export interface RefreshTokens {
  issue(device: RefreshSeed, generation: number): string;
  /** The parts of a token, not yet proved; undefined when it has not the form of one. */
  parse(token: string): RefreshClaim | undefined;
  proves(claim: RefreshClaim, device: RefreshSeed): boolean;
}

export interface RefreshSeed {
  readonly deviceId: DeviceId;
  readonly salt: Uint8Array;
}

export interface RefreshClaim {
  readonly deviceId: DeviceId;
  readonly generation: number;
  readonly mac: Uint8Array;
}

const FORM = /^([0-9a-z]{26})\.(\d{1,15})\.([\w-]{43})$/;

/** @param secret 32 bytes, used for nothing else */
export function createRefreshTokens(secret: Uint8Array): RefreshTokens {
  const macOf = ({ deviceId, salt }: RefreshSeed, generation: number): Buffer =>
    createHmac('sha256', secret).update(`refresh ${deviceId} ${generation} `).update(salt).digest();
  return {
    issue: (device, generation) =>
      `${device.deviceId}.${generation}.${macOf(device, generation).toString('base64url')}`,
    parse: (token) => {
      const [, id, generation, mac = ''] = FORM.exec(token) ?? [];
      const deviceId = DeviceId.safeParse(id);
      if (!deviceId.success) return undefined;
      return { deviceId: deviceId.data, generation: Number(generation), mac: Buffer.from(mac, 'base64url') };
    },
    proves: (claim, device) => timingSafeEqual(claim.mac, macOf(device, claim.generation)),
  };
}

/**
 * What a proved token of generation `used` means for a device whose newest token is of generation `newest`.
 * `repeat`: its successor has never been used, so it is given out again. `reuse`: somebody holds an old one.
 * A token newer than the newest is one that a database restored from a backup has forgotten.
 */
export function refreshVerdict(used: number, newest: number): 'rotate' | 'repeat' | 'reuse' {
  if (used >= newest) return 'rotate';
  return used === newest - 1 ? 'repeat' : 'reuse';
}
