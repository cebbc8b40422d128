/**
 * Every content that was ever in a file, wherever it lies: whether it was let go by somebody who had seen it, and what
 * must therefore be there, or must not, whenever all devices are in sync.
 */

export type ContentEvent = {
  /**
   * `wrote`; `passed`: it was in a file for a moment between two system calls, so that it may be found and need not be
   * kept; `letGo`: somebody who saw it wrote over it or removed its file; `excused`: it was perhaps replaced in a
   * moment in which nobody knows what was there.
   */
  readonly kind: 'wrote' | 'passed' | 'letGo' | 'excused';
  readonly content: string;
};

/** What is found on all devices, which are equal. */
export type Found = {
  /** Contents and in how many places they stand. */
  readonly visible: ReadonlyMap<string, number>;
  /** Whether a content rests in somebody's local trash. */
  readonly isInTrash: (content: string) => boolean;
};

export type Judgement = {
  /** In words; empty when all is well. */
  readonly violations: readonly string[];
  /** Contents that nobody let go and that only a local trash has. */
  readonly onlyInTrash: readonly string[];
};

export type Contents = {
  readonly record: (event: ContentEvent) => void;
  /** All devices are in sync: what is there is judged, and what is not there must not come back. */
  readonly judge: (found: Found) => Judgement;
  /** Contents that somebody may still miss. */
  readonly wanted: () => readonly string[];
};

type Fate = {
  /** How often it was written; a copy is a write. */
  written: number;
  isLetGo: boolean;
  isExcused: boolean;
  /** Not there when all were in sync the last time. */
  isGone: boolean;
};

export function createContents(): Contents {
  const fates = new Map<string, Fate>();
  const fateOf = (content: string): Fate => {
    let fate = fates.get(content);
    if (fate === undefined)
      fates.set(content, (fate = { written: 0, isLetGo: false, isExcused: false, isGone: false }));
    return fate;
  };
  return {
    record: ({ content, kind }) => take(fateOf(content), kind),
    wanted: () => [...fates].filter(([, fate]) => isWanted(fate)).map(([content]) => content),
    judge: ({ visible, isInTrash }) => {
      const violations: string[] = [];
      const onlyInTrash: string[] = [];
      for (const [content, places] of visible) {
        const wrong = wrongToBeThere(fates.get(content), places);
        if (wrong !== undefined) violations.push(`${content} ${wrong}`);
      }
      for (const [content, fate] of fates) {
        if (!visible.has(content) && isWanted(fate)) {
          if (isInTrash(content)) onlyInTrash.push(content);
          else violations.push(`${content} is lost: nobody let it go`);
        }
        fate.isGone = !visible.has(content);
      }
      return { violations, onlyInTrash };
    },
  };
}

function take(fate: Fate, kind: ContentEvent['kind']): void {
  if (kind === 'letGo') fate.isLetGo = true;
  if (kind === 'passed' || kind === 'excused') fate.isExcused = true;
  if (kind !== 'wrote') return;
  fate.written++;
  fate.isGone = false;
}

function isWanted(fate: Fate): boolean {
  return fate.written > 0 && !fate.isLetGo && !fate.isExcused && !fate.isGone;
}

function wrongToBeThere(fate: Fate | undefined, places: number): string | undefined {
  if (fate === undefined) return 'comes from nowhere: nobody wrote it';
  if (fate.isExcused) return undefined;
  if (fate.isGone) return 'was gone when all were in sync and is back';
  return places > fate.written ? `stands in ${places} places and was written ${fate.written} times` : undefined;
}
