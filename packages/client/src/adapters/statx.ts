import type { DiskStat } from '../ports/disk.ts';
import { typeOfMode } from './entry-stat.ts';

/** Length of the kernel's `struct statx`. */
export const STATX_BYTES = 256;
/** Basic fields and the time of birth. */
export const STATX_MASK = 0xfff;

/** What `statx` has filled in (statx(2), `linux/stat.h`), as `lstat` with big integers tells it. */
export function statOfStatx(view: DataView): DiskStat {
  const mode = view.getUint16(28, true);
  const type = typeOfMode(mode);
  return {
    type,
    dev: deviceNumber(view.getUint32(136, true), view.getUint32(140, true)),
    ino: Number(view.getBigUint64(32, true)),
    size: type === 'file' ? Number(view.getBigUint64(40, true)) : 0,
    mtimeNs: nanoseconds(view, 112),
    ctimeNs: nanoseconds(view, 96),
    birthNs: nanoseconds(view, 80),
    mode: mode & 0o7777,
    links: view.getUint32(16, true),
  };
}

/** `makedev` of the C library: its 64 bits interleave the two numbers. */
function deviceNumber(major: number, minor: number): number {
  const low = ((major & 0xfff) << 8) | (minor & 0xff);
  return low + Math.floor(minor / 0x100) * 2 ** 20 + Math.floor(major / 0x1000) * 2 ** 44;
}

function nanoseconds(view: DataView, at: number): string {
  const seconds = view.getBigInt64(at, true);
  const rest = view.getUint32(at + 8, true);
  return seconds > 0n ? `${seconds}${String(rest).padStart(9, '0')}` : String(seconds * 1_000_000_000n + BigInt(rest));
}
