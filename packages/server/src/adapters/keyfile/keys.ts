import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { mkdir, open, readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Keys } from '../../ports/keys.ts';

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const FORMAT = 1;
const HEADER = 'satchel-wrapping-key-1';

/** Parsed text of a key file: one line, the header and the key in base64url. */
function keyOf(text: string, path: string): Buffer {
  const [header, encoded] = text.trim().split(' ');
  const key = Buffer.from(encoded ?? '', 'base64url');
  if (header !== HEADER || key.length !== KEY_BYTES)
    throw new Error(`${path} is not a wrapping key file; restore it from its backup`);
  return key;
}

async function readKeyFile(path: string): Promise<Buffer | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw new Error(`The wrapping key ${path} cannot be read; the server must be able to read it`, { cause: error });
  }
  const { mode } = await stat(path);
  if ((mode & 0o077) !== 0)
    throw new Error(
      `The wrapping key ${path} can be read by others (mode ${(mode & 0o777).toString(8)}); run: chmod 600 ${path}`,
    );
  return keyOf(text, path);
}

async function createKeyFile(path: string): Promise<Buffer> {
  const key = randomBytes(KEY_BYTES);
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  {
    await using file = await open(path, 'wx', 0o600);
    await file.writeFile(`${HEADER} ${key.toString('base64url')}\n`);
    await file.sync();
  }
  await using directory = await open(dirname(path), 'r');
  await directory.sync();
  return key;
}

function wrap(wrappingKey: Uint8Array, key: Uint8Array): Uint8Array {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', wrappingKey, nonce);
  const sealed = [cipher.update(key), cipher.final()];
  return Buffer.concat([Buffer.of(FORMAT), nonce, ...sealed, cipher.getAuthTag()]);
}

function unwrap(wrappingKey: Uint8Array, wrapped: Uint8Array, path: string): Uint8Array {
  if (wrapped[0] !== FORMAT || wrapped.length !== 1 + NONCE_BYTES + KEY_BYTES + TAG_BYTES)
    throw new Error('A wrapped data key has an unknown form; it was made by another key service or is damaged');
  const decipher = createDecipheriv('aes-256-gcm', wrappingKey, wrapped.subarray(1, 1 + NONCE_BYTES));
  decipher.setAuthTag(wrapped.subarray(wrapped.length - TAG_BYTES));
  const key = decipher.update(wrapped.subarray(1 + NONCE_BYTES, wrapped.length - TAG_BYTES));
  try {
    decipher.final();
  } catch (error) {
    throw new Error(
      `The wrapping key ${path} is not the one that the stored data was encrypted under; put its backup in place`,
      { cause: error },
    );
  }
  return key;
}

export interface KeyFileOptions {
  /** Outside the data folder, so that a copy of the data alone opens nothing. Made on the first start, mode 0600. */
  readonly path: string;
  /** Hears, once, that the file was made and must be backed up. */
  readonly announce: (message: string) => void;
}

/** Envelope encryption under a key in a file. Refuses a file that others can read. */
export async function openKeyFile({ path, announce }: KeyFileOptions): Promise<Keys> {
  let wrappingKey = await readKeyFile(path);
  if (wrappingKey === undefined) {
    wrappingKey = await createKeyFile(path);
    announce(
      `Made the wrapping key ${path}. Back it up apart from the data: without it everything stored here is lost.`,
    );
  }
  const held = wrappingKey;
  return {
    async create() {
      const key = randomBytes(KEY_BYTES);
      return { key, wrapped: wrap(held, key) };
    },
    async unwrap(wrapped) {
      return unwrap(held, wrapped, path);
    },
  };
}
