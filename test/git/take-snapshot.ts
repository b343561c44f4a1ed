/** A process that takes snapshots of the folder named by its argument, for tests that end it or run it as another user. */
import { writeSync } from 'node:fs';
import { discoverRepository } from '../../src/git/repository.ts';
import { takeSnapshot } from '../../src/git/snapshot.ts';

async function main(folder: string, count: number): Promise<void> {
  const repository = await discoverRepository(folder);
  writeSync(1, 'ready\n');
  for (let taken = 0; taken < count; taken++) await takeSnapshot(repository);
}

main(process.argv[2] as string, Number(process.argv[3] ?? 1)).catch((error) => {
  process.stdout.write(JSON.stringify({ code: error.code, message: error.message }));
  process.exitCode = 1;
});
