import { createIgnoreRules, IGNORE_FILE, IGNORE_LIMITS, type IgnoreRules } from '@satchel/core/ignore-rules.ts';
import type { PathProblems } from '../indexer/problems.ts';
import type { Disk } from '../ports/disk.ts';

export interface IgnoreFileDeps {
  readonly disk: Disk;
  readonly problems: PathProblems;
}

/** The rules of the folder's `.satchelignore`, as it was last read. */
export class IgnoreFile {
  rules: IgnoreRules = createIgnoreRules();
  #text: string | undefined;

  /** True when the rules have changed: a reason to look at everything again (H73). What is wrong becomes a problem. */
  load({ disk, problems }: IgnoreFileDeps): boolean {
    problems.clear(IGNORE_FILE);
    let text: string | undefined;
    try {
      const bytes = disk.readSmall(IGNORE_FILE, IGNORE_LIMITS.fileCharacters * 4);
      text = bytes === undefined ? undefined : new TextDecoder().decode(bytes);
    } catch (error) {
      const message = `${IGNORE_FILE} cannot be read, the rules before it stay: ${String(error)}`;
      problems.add(IGNORE_FILE, 'ignore_file', message);
      return false;
    }
    if (text === this.#text) return false;
    this.#text = text;
    this.rules = createIgnoreRules(text);
    const [problem] = this.rules.problems;
    if (problem !== undefined) {
      const message = `${IGNORE_FILE}:${problem.line}: ${problem.reason.replaceAll('_', ' ')}; the line has no effect`;
      problems.add(IGNORE_FILE, 'ignore_file', message);
    }
    return true;
  }
}
