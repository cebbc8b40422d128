import module from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';

// Keeps the stripped and compiled sources of the last run: a command starts in a third of the time, and the daemon
// does not hold the type stripper in memory. Not in the shared temporary folder, where others could plant code.
module.enableCompileCache(join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'satchel', 'compiled'));
const { main } = await import('../packages/client/src/main.ts');
process.exitCode = await main(process.argv.slice(2));
