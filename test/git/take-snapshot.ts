/**
 * A process that takes a snapshot of each folder it is given, and prints a line of JSON for each: for tests that
 * kill it, or run it as another user.
 */
import { writeSync } from 'node:fs';
import { discoverRepository } from '../../src/git/repository.ts';
import { takeSnapshot } from '../../src/git/snapshot.ts';

async function main(folders: readonly string[]): Promise<void> {
  writeSync(1, '"ready"\n');
  for (const folder of folders) {
    const outcome = await discoverRepository(folder)
      .then((repository) => takeSnapshot(repository))
      .catch((error) => ({ code: error.code, message: error.message }));
    writeSync(1, `${JSON.stringify(outcome)}\n`);
  }
}

main(process.argv.slice(2));
