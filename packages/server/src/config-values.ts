/** A bad value of a flag, variable or file entry. The message names the thing, the reason and what to write. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

const UNITS: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40, P: 2 ** 50 };

/** Bytes of `5M`, `100G`, `1048576`; units are powers of 1024. */
export function sizeBytes(text: string): number {
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?)\s*([KMGTP]?)(?:i?B)?$/i.exec(text.trim()) ?? [];
  const bytes = Math.round(Number(digits) * (UNITS[unit.toUpperCase()] ?? Number.NaN));
  if (!Number.isSafeInteger(bytes)) throw new ConfigError(`"${text}" is not a size; write it like 500M or 100G.`);
  return bytes;
}

export function wholeNumber(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) throw new ConfigError(`"${text}" is not a whole number.`);
  return value;
}

export function numberOrOff(text: string): number | 'off' {
  return text === 'off' ? text : wholeNumber(text);
}

export function yesOrNo(text: string): boolean {
  if (/^(?:true|1|on|yes)$/i.test(text)) return true;
  if (/^(?:false|0|off|no|)$/i.test(text)) return false;
  throw new ConfigError(`"${text}" is neither on nor off.`);
}

/** Reads one of a few words. */
export function oneOf<const W extends string>(words: readonly W[]): (text: string) => W {
  return (text) => {
    const word = words.find((known) => known === text);
    if (word === undefined) throw new ConfigError(`"${text}" is not one of ${words.join(', ')}.`);
    return word;
  };
}

/** Reads a list of words, separated by commas. */
export function someOf<const W extends string>(words: readonly W[]): (text: string) => readonly W[] {
  const one = oneOf(words);
  return (text) => text.split(',').map((word) => one(word.trim()));
}

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** `HOST:PORT`, `[IPV6]:PORT`, or `:PORT` and `PORT` for this machine only. Port 0 takes a free one. */
export function listenAddress(text: string): ListenAddress {
  const [, v6, host, port] = /^(?:(?:\[([0-9a-f:.]+)\]|([^:[\]]*)):)?(\d{1,5})$/i.exec(text) ?? [];
  if (port === undefined || Number(port) > 65_535)
    throw new ConfigError(`"${text}" is not an address; write it like 127.0.0.1:7420.`);
  return { host: v6 ?? (host === undefined || host === '' ? '127.0.0.1' : host), port: Number(port) };
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host);
}
