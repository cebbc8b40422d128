import { LIMITS } from '@satchel/protocol/limits.ts';
import ignore, { type Ignore } from 'ignore';

/**
 * What stays on one device: a built-in list, then the rules of `.satchelignore` at the root of the synced folder
 * (gitignore syntax; a later rule overrides an earlier one, so `!*.part` takes back a built-in rule). Names compare
 * with letter case and in either Unicode form on every system, since the file is synced and must mean the same everywhere.
 *
 * The file comes from other people's devices, so everything about it is bounded.
 */

export const IGNORE_FILE = '.satchelignore';

/** The client's own folder: never synced at any depth, whatever the rules say. Same as in protocol/names.ts. */
export const OWN_FOLDER = '.satchel';

/**
 * H11: what programs leave behind while they work, and what systems write by themselves. Only names that no person
 * gives to a document. Left out on purpose: `*~`, `*.bak`, `*.tmp`, which are often the only older copy of
 * something; a vim backup that is written and deleted within a save is gone before the quiet time is over anyway.
 */
export const BUILT_IN_PATTERNS: readonly string[] = [
  '~$*',
  '.~lock.*#',
  '~WRD*.tmp',
  '~WRL*.tmp',
  '~DF*.tmp',
  '*.swp',
  '*.swx',
  '.*.sw[a-p]',
  '.goutputstream-*',
  '*.part',
  '*.crdownload',
  '*.opdownload',
  '.fuse_hidden*',
  '.nfs0000*',
  '.DS_Store',
  '.Spotlight-V100/',
  '.Trashes/',
  '.fseventsd/',
  '.TemporaryItems/',
  '.Trash-[0-9]*/',
  '[Tt]humbs.db',
  'ehthumbs.db',
  '[Dd]esktop.ini',
  '$RECYCLE.BIN/',
  'System Volume Information/',
  '.syncthing.*.tmp',
  '~syncthing~*.tmp',
  '.dropbox.cache/',
  '.sync_*.db*',
];

export const IGNORE_LIMITS = {
  fileCharacters: 64 * 1024,
  rules: 1000,
  patternCharacters: 512,
  // A globstar backtracks over the folders of a path: n of them in a pattern cost depth ** n. One at the end is free.
  globstarsPerPattern: 2,
  quadraticRules: 8,
  globstarRules: 200,
  starsBesideGlobstar: 8,
} as const;

export interface IgnoreRule {
  readonly source: 'fixed' | 'built-in' | 'file';
  readonly pattern: string;
  /** Line in the ignore file, from 1. */
  readonly line: number | undefined;
}

/** A line of the ignore file that has no effect, and why. */
export interface IgnoreProblem {
  readonly line: number;
  readonly reason:
    | 'file_too_large'
    | 'too_many_rules'
    | 'pattern_too_long'
    | 'too_many_globstars'
    | 'too_many_stars'
    | 'pattern_invalid';
}

export interface IgnoreVerdict {
  readonly ignored: boolean;
  /** The rule that decides; undefined when none matches. */
  readonly rule: IgnoreRule | undefined;
  /** The path it matches: the one asked for, or the folder above it that is ignored with all it holds. */
  readonly decidedAt: string;
}

export interface IgnoreRules {
  /** @param path from the root of the synced folder, separated by '/', none at the ends */
  ignores(path: string, isFolder: boolean): boolean;
  /** As `ignores`, with the reason, for `satchel ignore why`. Slower. */
  explain(path: string, isFolder: boolean): IgnoreVerdict;
  readonly problems: readonly IgnoreProblem[];
  /** Whether there are any besides the built-in ones. */
  readonly areAny: boolean;
}

/** The library remembers every path it was asked about; beyond this number it starts afresh. */
const REMEMBERED_PATHS = 10_000;

const OPTIONS = { ignorecase: false, allowRelativePaths: true };

function isRule(line: string): boolean {
  return line.trim() !== '' && !line.startsWith('#');
}

/** Globstars that are followed by something; a run of them counts as many, except at the beginning. */
function globstarsIn(pattern: string): number {
  const rest = pattern.replace(/^!?\/?(?:\*{2,}\/)+/, '');
  const leading =
    rest.length < pattern.length && /\*{2,}\//.test(pattern.slice(0, pattern.length - rest.length)) ? 1 : 0;
  return leading + (rest.match(/\/\*{2,}(?=\/.)/g)?.length ?? 0);
}

function compiles(pattern: string): boolean {
  try {
    ignore(OPTIONS).add(pattern).ignores('a/b');
    return true;
  } catch {
    return false;
  }
}

interface ParsedFile {
  readonly rules: readonly IgnoreRule[];
  readonly problems: readonly IgnoreProblem[];
}

/** Rules taken so far, by what they cost. */
interface RuleCounts {
  all: number;
  globstar: number;
  quadratic: number;
}

function patternProblem(pattern: string, counts: RuleCounts): IgnoreProblem['reason'] | undefined {
  if (counts.all >= IGNORE_LIMITS.rules) return 'too_many_rules';
  if (pattern.length > IGNORE_LIMITS.patternCharacters) return 'pattern_too_long';
  const globstars = globstarsIn(pattern);
  if (globstars > IGNORE_LIMITS.globstarsPerPattern) return 'too_many_globstars';
  if (globstars > 1 && counts.quadratic >= IGNORE_LIMITS.quadraticRules) return 'too_many_globstars';
  if (globstars > 0 && counts.globstar >= IGNORE_LIMITS.globstarRules) return 'too_many_globstars';
  const stars = pattern.match(/(?<!\*)\*(?!\*)/g)?.length ?? 0;
  if (globstars > 0 && stars > IGNORE_LIMITS.starsBesideGlobstar) return 'too_many_stars';
  return compiles(pattern) ? undefined : 'pattern_invalid';
}

function parseIgnoreFile(text: string): ParsedFile {
  const rules: IgnoreRule[] = [];
  const problems: IgnoreProblem[] = [];
  const counts: RuleCounts = { all: 0, globstar: 0, quadratic: 0 };
  let read = 0;
  const lines = text
    .replace(/^\uFEFF/, '')
    .slice(0, IGNORE_LIMITS.fileCharacters + 1)
    .split('\n');
  for (const [index, raw] of lines.entries()) {
    const line = index + 1;
    read += raw.length + 1;
    if (read > IGNORE_LIMITS.fileCharacters + 1) {
      problems.push({ line, reason: 'file_too_large' });
      break;
    }
    const pattern = raw.replace(/\r$/, '');
    if (!isRule(pattern)) continue;
    const reason = patternProblem(pattern, counts);
    if (reason !== undefined) {
      problems.push({ line, reason });
      if (reason === 'too_many_rules') break;
      continue;
    }
    counts.all++;
    if (globstarsIn(pattern) > 0) counts.globstar++;
    if (globstarsIn(pattern) > 1) counts.quadratic++;
    rules.push({ source: 'file', pattern, line });
  }
  return { rules, problems };
}

/** The last rule that takes the path back (`!pattern`); the library tells only that there is one. */
function negationFor(rules: readonly IgnoreRule[], path: string): IgnoreRule | undefined {
  return rules.findLast(
    ({ pattern }) => pattern.startsWith('!') && ignore(OPTIONS).add(pattern.slice(1)).test(path).ignored,
  );
}

/**
 * The path, or the folder above it at the greatest depth that is synced at all: rules see no more, since the library
 * tries them on every folder of a path.
 */
function withinDepth(path: string, isFolder: boolean): string {
  const parts = path.length > 2 * LIMITS.depth ? path.split('/') : [];
  if (parts.length > LIMITS.depth) return `${parts.slice(0, LIMITS.depth).join('/')}/`;
  return isFolder ? `${path}/` : path;
}

/** Verdicts that no rule can change: the client's own folder stays here, and the ignore file itself travels. */
function fixedVerdict(path: string): IgnoreVerdict | undefined {
  const rule = (pattern: string): IgnoreRule => ({ source: 'fixed', pattern, line: undefined });
  if (path === IGNORE_FILE) return { ignored: false, rule: rule(IGNORE_FILE), decidedAt: path };
  if (!path.toLowerCase().includes(OWN_FOLDER)) return undefined;
  const parts = path.split('/');
  const own = parts.findIndex((part) => part.toLowerCase() === OWN_FOLDER);
  if (own < 0) return undefined;
  return { ignored: true, rule: rule(OWN_FOLDER), decidedAt: parts.slice(0, own + 1).join('/') };
}

/** The path and the folders above it, outermost first; folders end in '/', as the library wants them. */
function chainOf(path: string, isFolder: boolean): readonly string[] {
  const parts = withinDepth(path, isFolder).split(/(?<=\/)/);
  return parts.map((_, index) => parts.slice(0, index + 1).join(''));
}

/** More alternatives cost more than asking the library. */
const MOST_LITERALS = 64;

/** What is in every path that any of the rules matches: most paths are told by it. Undefined: nothing can be said. */
function literalsOf(rules: readonly IgnoreRule[]): RegExp | undefined {
  const literals = rules
    .filter(({ pattern }) => !pattern.startsWith('!'))
    .map(({ pattern }) => longestLiteral(pattern));
  const isTelling = literals.length <= MOST_LITERALS && literals.every(({ length }) => length > 1);
  return isTelling ? new RegExp(literals.map((literal) => RegExp.escape(literal)).join('|')) : undefined;
}

/** Ended by what is escaped, a class, a wildcard, or a border between folders. */
function longestLiteral(pattern: string): string {
  const parts = pattern.trimEnd().split(/\\.?|\[(?:.*\]|.*)|[*?/]+/);
  return parts.reduce((longest, part) => (part.length > longest.length ? part : longest), '');
}

/** @param fileText the ignore file, or undefined when there is none */
export function createIgnoreRules(fileText?: string): IgnoreRules {
  const file: ParsedFile =
    fileText === undefined ? { rules: [], problems: [] } : parseIgnoreFile(fileText.normalize('NFC'));
  const builtIn = BUILT_IN_PATTERNS.map((pattern): IgnoreRule => ({ source: 'built-in', pattern, line: undefined }));
  const rules = [...builtIn, ...file.rules];
  const compiled = ignore(OPTIONS).add(rules.map(({ pattern }, index) => ({ pattern, mark: `${index}` })));
  const literals = literalsOf(rules);
  let matcher: Ignore = compiled;
  let remembered = 0;

  function fresh(): Ignore {
    if (++remembered > REMEMBERED_PATHS) {
      matcher = ignore(OPTIONS).add(compiled);
      remembered = 0;
    }
    return matcher;
  }

  return {
    problems: file.problems,
    areAny: file.rules.length > 0,
    ignores(asOnDisk, isFolder) {
      const path = asOnDisk.normalize('NFC');
      const fixed = fixedVerdict(path);
      if (fixed !== undefined) return fixed.ignored;
      return literals?.test(path) === false ? false : fresh().ignores(withinDepth(path, isFolder));
    },
    explain(asOnDisk, isFolder) {
      const path = asOnDisk.normalize('NFC');
      const fixed = fixedVerdict(path);
      if (fixed !== undefined) return fixed;
      for (const prefix of chainOf(path, isFolder)) {
        const { ignored, rule } = fresh().test(prefix);
        if (ignored) return { ignored, rule: rules[Number(rule?.mark)], decidedAt: prefix.replace(/\/$/, '') };
      }
      const full = withinDepth(path, isFolder);
      const { unignored } = fresh().test(full);
      return { ignored: false, rule: unignored ? negationFor(rules, full) : undefined, decidedAt: path };
    },
  };
}
