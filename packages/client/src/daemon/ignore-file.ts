import { createIgnoreRules, IGNORE_FILE, IGNORE_LIMITS, type IgnoreRules } from '@satchel/core/ignore-rules.ts';
import type { PathProblems } from '../indexer/problems.ts';
import type { Clock } from '../ports/clock.ts';
import type { Disk } from '../ports/disk.ts';
import type { Settings } from '../state/settings.ts';

export interface IgnoreFileDeps {
  readonly disk: Pick<Disk, 'readSmall'>;
  readonly problems: PathProblems;
  readonly settings: Pick<Settings, 'get' | 'set'>;
  readonly clock: Pick<Clock, 'monotonic'>;
}

/** What the file said when it was last read: counts until it can be read again, also after a restart. */
const LAST_READ = 'ignore.last';
/** Whoever saves it may have moved it away or emptied it for a moment: what it ignored must not be sent for that. */
const DOUBT_MS = 2000;

/** The rules of the folder's `.satchelignore`, as it was last read. */
export class IgnoreFile {
  readonly #deps: IgnoreFileDeps;
  #rules: IgnoreRules | undefined;
  #text: string | undefined;
  /** Monotonic ms. */
  #goneSince: number | undefined;
  #isUnread = false;

  constructor(deps: IgnoreFileDeps) {
    this.#deps = deps;
  }

  get rules(): IgnoreRules {
    if (this.#rules === undefined) this.#take(this.#deps.settings.get(LAST_READ));
    return this.#rules ?? createIgnoreRules();
  }

  /** It has just gone: the rules are those before until that is certain. */
  get isInDoubt(): boolean {
    return this.#goneSince !== undefined;
  }

  /** It is to be loaded again in a while, whatever the watcher tells. */
  get isUncertain(): boolean {
    return this.isInDoubt || this.#isUnread;
  }

  /** True when the rules have changed: a reason to look at everything again (H73). What is wrong becomes a problem. */
  load(): boolean {
    const { problems, settings } = this.#deps;
    const before = this.rules;
    const text = this.#read();
    this.#isUnread = text === 'unreadable';
    if (text === 'unreadable' || this.#isDoubted(text?.text) || text?.text === this.#text) return false;
    settings.set(LAST_READ, text?.text);
    this.#take(text?.text);
    const [problem] = this.rules.problems;
    if (problem !== undefined) {
      const message = `${IGNORE_FILE}:${problem.line}: ${problem.reason.replaceAll('_', ' ')}; the line has no effect`;
      problems.add(IGNORE_FILE, 'ignore_file', message);
    }
    return before !== this.rules;
  }

  #isDoubted(text: string | undefined): boolean {
    const since = this.#goneSince;
    this.#goneSince = undefined;
    if ((text ?? '') !== '' || (this.#text ?? '') === '') return false;
    const now = this.#deps.clock.monotonic();
    if (since !== undefined && now - since >= DOUBT_MS) return false;
    this.#goneSince = since ?? now;
    return true;
  }

  #read(): { readonly text: string } | undefined | 'unreadable' {
    const { disk, problems } = this.#deps;
    problems.clear(IGNORE_FILE);
    try {
      const bytes = disk.readSmall(IGNORE_FILE, IGNORE_LIMITS.fileCharacters * 4);
      return bytes === undefined ? undefined : { text: new TextDecoder().decode(bytes) };
    } catch (error) {
      const message = `${IGNORE_FILE} cannot be read, the rules before it stay: ${String(error)}`;
      problems.add(IGNORE_FILE, 'ignore_file', message);
      return 'unreadable';
    }
  }

  #take(text: string | undefined): void {
    this.#text = text;
    this.#rules = createIgnoreRules(text);
  }
}
