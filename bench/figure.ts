/** One measured number and what it should reach. */

export type Figure = {
  readonly name: string;
  /** Who was measured: satchel, syncthing, rsync. */
  readonly subject: string;
  readonly value: number;
  readonly unit: 's' | 'ms' | 'B' | 'MB' | '/s' | 'requests' | '%';
  /** Bound of `value`, in its unit; `least` for rates. */
  readonly most?: number;
  readonly least?: number;
  /** Bound of value ÷ the peer's value for the same name, where the target is a ratio. */
  readonly mostOfPeer?: { readonly subject: string; readonly ratio: number };
  readonly note?: string;
};

export type Judged = Figure & {
  readonly ratio?: number;
  readonly target: string;
  readonly reached: boolean | undefined;
};

/** Compares each of satchel's figures with its target; peers' figures are the measure, not judged. */
export function judge(figures: readonly Figure[]): readonly Judged[] {
  return figures.map((figure) => {
    const peer = figure.subject === 'satchel' ? figure.mostOfPeer : undefined;
    const other =
      peer === undefined ? undefined : figures.find((f) => f.subject === peer.subject && f.name === figure.name);
    const ratio = other === undefined ? undefined : figure.value / other.value;
    const verdicts = [
      figure.most === undefined ? undefined : figure.value <= figure.most,
      figure.least === undefined ? undefined : figure.value >= figure.least,
      ratio === undefined || peer === undefined ? undefined : ratio <= peer.ratio,
    ].filter((verdict) => verdict !== undefined);
    return {
      ...figure,
      ...(ratio === undefined ? {} : { ratio }),
      target: figure.subject === 'satchel' ? targetOf(figure) : '',
      reached: figure.subject !== 'satchel' || verdicts.length === 0 ? undefined : verdicts.every((verdict) => verdict),
    };
  });
}

function targetOf(figure: Figure): string {
  const parts = [
    figure.most === undefined ? '' : `≤ ${shown(figure.most)} ${figure.unit}`,
    figure.least === undefined ? '' : `≥ ${shown(figure.least)} ${figure.unit}`,
    figure.mostOfPeer === undefined ? '' : `≤ ${figure.mostOfPeer.ratio} × ${figure.mostOfPeer.subject}`,
  ];
  return parts.filter((part) => part !== '').join(', ');
}

/** A table for people, then one JSON line per figure for programs. */
export function report(figures: readonly Figure[], write: (line: string) => void): void {
  const rows = judge(figures).map((f) => [
    f.name,
    f.subject,
    `${shown(f.value)} ${f.unit}`,
    f.target,
    f.ratio === undefined ? '' : `${f.ratio.toFixed(2)} ×`,
    f.reached === undefined ? '' : f.reached ? 'reached' : 'MISSED',
    f.note ?? '',
  ]);
  const header = ['case', 'who', 'measured', 'target', 'ratio', '', 'note'];
  const widths = header.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)));
  for (const row of [header, ...rows])
    write(
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    );
  for (const { name, subject, value, unit, target, ratio, reached, note } of judge(figures)) {
    write(JSON.stringify({ name, subject, value, unit, target, ratio, reached, note }));
  }
}

function shown(value: number): string {
  return Math.abs(value) >= 1000 ? Math.round(value).toLocaleString('en') : String(Number(value.toPrecision(3)));
}

/** The value below which the given share of the samples lies (nearest rank). */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}
