// The build puts it here; when run from its sources there is none.
declare const builtVersion: string | undefined;

/**
 * Starts the command line with these arguments. Runs before anything else is loaded, on whatever Node there is:
 * an old one must see a sentence, not a syntax error, so no syntax newer than Node 10 and no static import of the rest.
 */
export function launch(argv: string[]): void {
  const major = Number.parseInt(process.versions.node, 10);
  if (major < 20) {
    console.error(`dstack needs Node.js 20 or newer; this is ${process.version} (${process.execPath}).`);
    console.error('Install a newer one, for example from https://nodejs.org, and try again.');
    process.exitCode = 1;
    return;
  }
  if (argv.length === 1 && /^(-V|--version)$/.test(argv[0] || '') && typeof builtVersion !== 'undefined') {
    // Nothing else need be loaded for it. Whoever reads it no more is told nothing.
    process.stdout.on('error', () => {});
    process.stdout.write(`${builtVersion}\n`);
    return;
  }
  import('../src/cli/main.ts').then(
    ({ main }) => main(argv),
    (error: unknown) => {
      // Only a broken installation comes here: `main` reports its own failures.
      console.error(error);
      process.exitCode = 1;
    },
  );
}
