/** What happened in the folders, as the test itself did it: the observations that are judged at the end. */
import { sha256 } from '../support/random.ts';
import { createContents, type Contents } from './contents.ts';
import { type RegisterEvent, type Value } from './registers.ts';

/** A file of a fixed path that is only written, replaced, removed and read. */
export type Register = {
  readonly path: string;
  value: Value;
  readonly events: RegisterEvent[];
  /** Copies that were there before these events. */
  copies: readonly string[];
  /** Something was replaced in a moment in which nobody knows what was there. */
  isUnsure: boolean;
};

export type Book = {
  readonly contents: Contents;
  readonly registers: Map<string, Register>;
  /** A text that no other write has. */
  readonly fresh: (device: number) => string;
  /** A name for a content: what it was when it was written, else its hash. */
  readonly nameOf: (bytes: Uint8Array | string) => string;
  readonly nameOfHash: (hash: string) => string;
  readonly wrote: (bytes: Uint8Array | string, path: string) => void;
  readonly passed: (bytes: Uint8Array) => void;
  readonly letGo: (bytes: Uint8Array | string) => void;
  /** Nobody knows what was replaced: nothing that is not in sync yet can be asked for. */
  readonly excuseAll: () => void;
  readonly register: (path: string) => Register;
};

export function createBook(): Book {
  const contents = createContents();
  const names = new Map<string, string>([[sha256(''), '(empty)']]);
  const registers = new Map<string, Register>();
  let count = 0;
  contents.record({ kind: 'passed', content: '(empty)' });
  const nameOfHash: Book['nameOfHash'] = (hash) => names.get(hash) ?? hash.slice(0, 16);
  const nameOf: Book['nameOf'] = (bytes) => nameOfHash(sha256(bytes));
  return {
    contents,
    registers,
    nameOf,
    nameOfHash,
    fresh: (device) => `w${++count}d${device};`,
    wrote: (bytes, path) => {
      const hash = sha256(bytes);
      if (!names.has(hash))
        names.set(
          hash,
          `${Buffer.from(bytes.slice(0, 24)).toString('latin1').split(';')[0]}@${path}#${hash.slice(0, 6)}`,
        );
      contents.record({ kind: 'wrote', content: nameOfHash(hash) });
    },
    passed: (bytes) => {
      const hash = sha256(bytes);
      // Its name for good, should it be copied later.
      names.set(hash, nameOfHash(hash));
      contents.record({ kind: 'passed', content: nameOfHash(hash) });
    },
    letGo: (bytes) => contents.record({ kind: 'letGo', content: nameOf(bytes) }),
    excuseAll: () => {
      for (const content of contents.wanted()) contents.record({ kind: 'excused', content });
    },
    register: (path) => {
      let register = registers.get(path);
      if (register === undefined)
        registers.set(path, (register = { path, value: undefined, events: [], copies: [], isUnsure: false }));
      return register;
    },
  };
}
