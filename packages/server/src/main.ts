/** The server's commands; `bin/satchel` calls them with what stands after `serve` or `admin`. */
export { serve } from './serve.ts';
export { admin } from './admin.ts';

if (import.meta.main) {
  const [command, ...argv] = process.argv.slice(2);
  const { serve } = await import('./serve.ts');
  const { admin } = await import('./admin.ts');
  if (command === 'serve') process.exitCode = await serve(argv);
  else if (command === 'admin') process.exitCode = await admin(argv);
  else {
    process.stderr.write('Usage: main.ts serve|admin …\n');
    process.exitCode = 2;
  }
}
