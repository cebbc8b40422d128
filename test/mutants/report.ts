import type { Verdict } from './examine.ts';

/** One line for people. */
export function line(verdict: Verdict): string {
  const { name, seconds } = verdict;
  switch (verdict.fate) {
    case 'caught':
      return `caught    ${name}: by ${verdict.by} (${shortened(verdict.what)}) after ${verdict.count} ${verdict.unit}, ${seconds} s`;
    case 'survived':
      return `SURVIVED  ${name}: ${verdict.breaks} (${verdict.rule}), ${seconds} s`;
    case 'unclear':
      return `UNCLEAR   ${name}: ${verdict.what}`;
  }
}

const MOST_SHOWN = 90;

function shortened(text: string): string {
  return text.length <= MOST_SHOWN ? text : `${text.slice(0, MOST_SHOWN)} …`;
}

function cell(text: string): string {
  return shortened(text).replaceAll('|', '\\|');
}

function caughtBy(verdict: Verdict): string {
  if (verdict.fate !== 'caught') return `| **${verdict.fate}** | |`;
  const { by, what, count, unit } = verdict;
  const name = by.slice(by.lastIndexOf('/') + 1);
  return `| ${cell(`${name}: ${what}`)} | ${count} ${unit} |`;
}

/** The table of docs/TESTING.md. */
export function markdown(verdicts: readonly Verdict[]): string {
  const rows = verdicts.map(
    (verdict) => `| \`${verdict.name}\` | ${cell(verdict.breaks)} | ${verdict.rule} ${caughtBy(verdict)}`,
  );
  return ['| mutant | what it breaks | rule | caught by | after |', '|---|---|---|---|---|', ...rows].join('\n');
}
