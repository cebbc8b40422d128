import { sourcesBelow } from './imports.ts';

/** A test, or a case of a table of tests, whose title names hazards. */
export interface HazardTest {
  readonly file: string;
  readonly title: string;
  readonly hazards: readonly number[];
}

const LITERAL = /'([^'\n]*\bH\d+\b[^'\n]*)'|"([^"\n]*\bH\d+\b[^"\n]*)"|`([^`\n]*\bH\d+\b[^`\n]*)`/g;

/** Titles of a test source: string literals that name a hazard, outside comments. */
export function titlesIn(text: string): string[] {
  const lines = text.split('\n').filter((line) => !/^\s*(?:\/\/|\/?\*)/.test(line));
  return [...lines.join('\n').matchAll(LITERAL)].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
}

/** Every test of the project that names a hazard in its title. */
export async function hazardTests(root: string): Promise<HazardTest[]> {
  const sources = (
    await Promise.all(['test/e2e', 'test/sim', 'packages'].map((folder) => sourcesBelow(root, folder)))
  ).flat();
  return sources
    .filter(({ file }) => /\.(?:test|contract)\.ts$/.test(file))
    .flatMap(({ file, text }) =>
      titlesIn(text).map((title) => ({
        file,
        title,
        hazards: [...title.matchAll(/\bH(\d+)\b/g)].map((match) => Number(match[1])),
      })),
    );
}
