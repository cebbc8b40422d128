import { usageError } from './command-error.ts';

const SIZE_UNITS: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };
const TIME_UNITS_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** Bytes of `5M`, `1.5 GiB`, `1048576`; units are powers of 1024. */
export function parseSize(text: string): number {
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?$/i.exec(text.trim()) ?? [];
  const bytes = Math.round(Number(digits) * (SIZE_UNITS[unit.toUpperCase()] ?? Number.NaN));
  if (!Number.isSafeInteger(bytes)) throw usageError(`"${text}" is not a size; write it like 500M or 10G.`);
  return bytes;
}

/** Bytes per second, or 'off' for no limit; `/s` may be written. */
export function parseRate(text: string): number | 'off' {
  if (text.trim().toLowerCase() === 'off') return 'off';
  const rate = parseSize(text.trim().replace(/\/s$/i, ''));
  if (rate < 1024) throw usageError(`"${text}" is too slow for a limit; write at least 1K, or off.`);
  return rate;
}

/** Milliseconds of `2h`, `90s`, `1h30m`, `7d`; a bare number is seconds. */
export function parseDuration(text: string): number {
  const trimmed = text.trim().toLowerCase();
  if (/^\d+(?:\.\d+)?$/.test(trimmed)) return Math.round(Number(trimmed) * 1000);
  const parts = [...trimmed.matchAll(/(\d+(?:\.\d+)?)\s*(ms|[smhdw])\s*/gy)];
  const length = parts.reduce((sum, [all]) => sum + all.length, 0);
  const ms = parts.reduce((sum, [, digits, unit = '']) => sum + Number(digits) * (TIME_UNITS_MS[unit] ?? 0), 0);
  if (parts.length === 0 || length !== trimmed.length || !Number.isFinite(ms))
    throw usageError(`"${text}" is not a duration; write it like 90s, 2h or 7d.`);
  return Math.round(ms);
}

export function parseWholeNumber(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) throw usageError(`"${text}" is not a whole number.`);
  return value;
}

/** `1.5 GiB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let power = 0;
  let value = bytes;
  // Rounded first, so that 1023.99 KiB is shown as 1 MiB.
  while (power < units.length - 1 && Number(value.toFixed(power === 0 ? 0 : 1)) >= 1024) {
    value /= 1024;
    power++;
  }
  const text = power === 0 ? value.toFixed(0) : value.toFixed(1).replace(/\.0$/, '');
  return `${text} ${units[power] ?? 'B'}`;
}

export function formatRate(bytesPerSecond: number): string {
  return `${formatBytes(bytesPerSecond)}/s`;
}

/** `45 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`. */
export function formatDuration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const pair = (big: number, bigUnit: string, small: number, smallUnit: string): string =>
    small === 0 ? `${big} ${bigUnit}` : `${big} ${bigUnit} ${small} ${smallUnit}`;
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return pair(Math.floor(seconds / 60), 'min', seconds % 60, 's');
  if (seconds < 86_400) return pair(Math.floor(seconds / 3600), 'h', Math.floor((seconds % 3600) / 60), 'min');
  return pair(Math.floor(seconds / 86_400), 'd', Math.floor((seconds % 86_400) / 3600), 'h');
}
