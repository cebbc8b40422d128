import { displayText, displayWidth, shortened } from './display.ts';
import type { Terminal } from './terminal.ts';
import { formatBytes, formatDuration, formatRate } from './units.ts';

export interface Amount {
  readonly label: string;
  readonly doneBytes: number;
  /** Undefined: nobody knows, as of a pipe. */
  readonly totalBytes: number | undefined;
}

/** One total line and up to four files, with rate and time left; drawn on a terminal only. */
export interface Progress extends Disposable {
  total(amount: Amount): void;
  /** A file under way. */
  file(id: string, amount: Amount): void;
  /** It is through. */
  finished(id: string): void;
}

const DRAW_EVERY_MS = 100;
const MOST_FILES = 4;
const BAR_WIDTH = 24;

export function createProgress(terminal: Terminal): Progress {
  if (!terminal.showsProgress) return SILENT;
  const files = new Map<string, Amount>();
  const rate = createRate(() => performance.now());
  let total: Amount | undefined;
  let drawn = 0;

  function draw(): void {
    const width = Math.max(40, terminal.width()) - 1;
    const lines = [...files.values()].slice(0, MOST_FILES).map((amount) => fileLine(amount, width));
    if (total !== undefined) lines.push(totalLine(total, rate.bytesPerSecond(), width));
    const up = drawn === 0 ? '\r' : `\u001b[${drawn}A\r`;
    terminal.raw(`${up}\u001b[J${lines.map((line) => `${line}\n`).join('')}`);
    drawn = lines.length;
  }

  const timer = setInterval(draw, DRAW_EVERY_MS);
  timer.unref();
  return {
    total(amount) {
      total = amount;
      rate.at(amount.doneBytes);
    },
    file: (id, amount) => void files.set(id, amount),
    finished: (id) => void files.delete(id),
    [Symbol.dispose]() {
      clearInterval(timer);
      files.clear();
      if (drawn > 0) terminal.raw(`\u001b[${drawn}A\r\u001b[J`);
      drawn = 0;
    },
  };
}

const SILENT: Progress = {
  total: () => undefined,
  file: () => undefined,
  finished: () => undefined,
  [Symbol.dispose]: () => undefined,
};

const WINDOW_MS = 5000;

/** Bytes per second over the last seconds. */
export function createRate(now: () => number): { at(doneBytes: number): void; bytesPerSecond(): number } {
  const samples: { readonly ms: number; readonly bytes: number }[] = [];
  return {
    at(doneBytes) {
      const ms = now();
      const last = samples.at(-1);
      if (last !== undefined && ms - last.ms < DRAW_EVERY_MS) return;
      samples.push({ ms, bytes: doneBytes });
      while (samples.length > 2 && ms - (samples[0]?.ms ?? 0) > WINDOW_MS) samples.shift();
    },
    bytesPerSecond() {
      const [first, last] = [samples[0], samples.at(-1)];
      if (first === undefined || last === undefined || last.ms <= first.ms) return 0;
      return Math.max(0, ((last.bytes - first.bytes) / (last.ms - first.ms)) * 1000);
    },
  };
}

/** `[████████        ]`, to an eighth of a character. */
export function bar(fraction: number, width: number): string {
  const eighths = Math.round(Math.min(1, Math.max(0, fraction)) * width * 8);
  const full = Math.floor(eighths / 8);
  const part = eighths % 8 === 0 ? '' : (' ▏▎▍▌▋▊▉'[eighths % 8] ?? '');
  return (('█'.repeat(full) + part).padEnd(width) || '').slice(0, width);
}

function fractionOf({ doneBytes, totalBytes }: Amount): number | undefined {
  if (totalBytes === undefined) return undefined;
  return totalBytes === 0 ? 1 : doneBytes / totalBytes;
}

function fileLine(amount: Amount, width: number): string {
  const fraction = fractionOf(amount);
  const percent = fraction === undefined ? '    ' : `${Math.floor(Math.min(1, fraction) * 100)}`.padStart(3) + '%';
  const shown = fraction === undefined ? ' '.repeat(BAR_WIDTH) : bar(fraction, BAR_WIDTH);
  const right = ` │${shown}│ ${percent} ${formatBytes(amount.doneBytes).padStart(10)}`;
  return padded(displayText(amount.label), width - displayWidth(right)) + right;
}

function totalLine(amount: Amount, rate: number, width: number): string {
  const { doneBytes, totalBytes, label } = amount;
  const fraction = fractionOf(amount);
  const left = totalBytes === undefined || rate <= 0 ? undefined : ((totalBytes - doneBytes) / rate) * 1000;
  const of = totalBytes === undefined ? '' : ` of ${formatBytes(totalBytes)}`;
  const eta = left === undefined || left <= 0 ? '' : `, ${formatDuration(left)} left`;
  const speed = rate > 0 ? `, ${formatRate(rate)}` : '';
  const bars = fraction === undefined ? '' : `│${bar(fraction, BAR_WIDTH)}│ `;
  const line = `${bars}${formatBytes(doneBytes)}${of}${speed}${eta}`;
  const room = width - displayWidth(line) - 2;
  return room > 8 ? `${line}  ${shortened(displayText(label), room)}` : shortened(line, width);
}

function padded(text: string, width: number): string {
  const cut = shortened(text, Math.max(8, width));
  return cut + ' '.repeat(Math.max(0, width - displayWidth(cut)));
}
