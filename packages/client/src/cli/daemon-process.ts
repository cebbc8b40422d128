/**
 * How the daemon is run: it lives long and does little most of the time. One helper thread for V8 and two heaps for
 * malloc, in place of one per core, are 20 MB less of resident memory with 50,000 files and cost no speed on two cores.
 * `bin/satchel` does the same for `start --foreground`.
 */
export interface DaemonProcess {
  readonly file: string;
  /** Up to and with the program's own. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

const MEMORY_FLAG = '--v8-pool-size=1';

export function daemonProcess(): DaemonProcess {
  const [, program] = process.argv;
  if (program === undefined) throw new Error('The program does not know where it lies.');
  const flags = process.execArgv.filter((flag) => flag !== MEMORY_FLAG);
  return { file: process.execPath, args: [MEMORY_FLAG, ...flags, program], env: { MALLOC_ARENA_MAX: '2' } };
}
