import module from 'node:module';

// Keeps the stripped and compiled sources of the last run: a command starts in a third of the time, and the daemon
// does not hold the type stripper in memory.
module.enableCompileCache();
const { main } = await import('../packages/client/src/main.ts');
process.exitCode = await main(process.argv.slice(2));
