/** The server's commands; `bin/satchel` calls them with what stands after `serve` or `admin`. */
import { enableCompileCache } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';

// Halves the processor time of a start. Not in the shared temporary folder, where others could plant code.
enableCompileCache(join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'satchel', 'compiled'));

/** Runs the server until it is told to stop. Resolves with the exit code. */
export async function serve(argv: readonly string[]): Promise<number> {
  const server = await import('./serve.ts');
  return server.serve(argv);
}

/** Runs one command of an administrator. Resolves with the exit code. */
export async function admin(argv: readonly string[]): Promise<number> {
  const administration = await import('./admin.ts');
  return administration.admin(argv);
}

if (import.meta.main) {
  const [command, ...argv] = process.argv.slice(2);
  if (command === 'serve') process.exitCode = await serve(argv);
  else if (command === 'admin') process.exitCode = await admin(argv);
  else {
    process.stderr.write('Usage: main.ts serve|admin …\n');
    process.exitCode = 2;
  }
}
