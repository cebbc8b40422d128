import { contentHash } from '@satchel/core/manifest.ts';
import { chunksOf, sha256 } from './hashing.ts';

/** Which contents users have made, and which of them somebody who had seen them has let go. */
export class Ledger {
  /** Every content that ever lay in a file. */
  readonly #existed = new Set<string>();
  /** Contents that must still be somewhere. */
  readonly #live = new Set<string>();
  /** May stand more than once, come back, or go. */
  readonly #excused = new Set<string>();
  /** May stand twice. */
  readonly #copied = new Set<string>();
  readonly #hashes = new Map<string, string>();
  #count = 0;

  /** A text that no other write has. */
  fresh(): string {
    return `w${(++this.#count).toString()};`;
  }

  wrote(content: Buffer): void {
    const text = content.toString('latin1');
    this.#existed.add(text);
    if (!this.#excused.has(text)) this.#live.add(text);
  }

  /** A user who saw it has overwritten or deleted it. */
  letGo(content: Buffer): void {
    this.#live.delete(content.toString('latin1'));
  }

  /** Written alike more than once, or lost by a power cut: nothing is said of it. */
  excuse(content: Buffer): void {
    const text = content.toString('latin1');
    this.#existed.add(text);
    this.#excused.add(text);
    this.#live.delete(text);
  }

  /**
   * An editor has made a backup of it. The name keeps its object, and the backup is one of its own (H9): where another
   * device moves the file at the same time, and the name is deleted here, the old content lives on as both.
   */
  copied(content: Buffer): void {
    this.#copied.add(content.toString('latin1'));
  }

  mayStandTwice(content: Buffer): boolean {
    const text = content.toString('latin1');
    return this.#copied.has(text) || this.#excused.has(text);
  }

  existed(content: Buffer): boolean {
    return this.#existed.has(content.toString('latin1'));
  }

  live(): readonly string[] {
    return [...this.#live];
  }

  isExcused(content: Buffer): boolean {
    return this.#excused.has(content.toString('latin1'));
  }

  /** All that ever existed. */
  all(): readonly string[] {
    return [...this.#existed];
  }

  /** As the server knows it. */
  hashOf(text: string): string {
    const known = this.#hashes.get(text) ?? contentHash(chunksOf(Buffer.from(text, 'latin1')), sha256);
    this.#hashes.set(text, known);
    return known;
  }
}
