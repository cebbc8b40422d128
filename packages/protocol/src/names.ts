import { z } from 'zod';
import { LIMITS } from './limits.ts';

/** Why a name is refused; `name_invalid` errors carry it as `details.reason`. */
export type NameFault = 'empty' | 'dots' | 'slash' | 'nul' | 'too_long' | 'not_unicode' | 'not_nfc' | 'reserved';

/** The client's own folder at the root of a synced folder; never a name in a workspace. */
export const CLIENT_FOLDER = '.satchel';

const encoder = new TextEncoder();

/** The fault of a name as it would stand in a workspace, or undefined when it is a good one. Names are NFC. */
export function nameFault(name: string): NameFault | undefined {
  if (name === '') return 'empty';
  if (name === '.' || name === '..') return 'dots';
  if (name.includes('/')) return 'slash';
  if (name.includes('\0')) return 'nul';
  if (!name.isWellFormed()) return 'not_unicode';
  if (name !== name.normalize('NFC')) return 'not_nfc';
  if (name === CLIENT_FOLDER) return 'reserved';
  if (name.length > LIMITS.nameBytes || encoder.encode(name).length > LIMITS.nameBytes) return 'too_long';
  return undefined;
}

export const Name = z
  .string()
  .max(1024)
  .refine((name) => nameFault(name) === undefined, { error: 'not a valid name', params: { code: 'name_invalid' } });
