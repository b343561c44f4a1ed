// Other end-to-end tests once more, with a guard that judges every push: it must be in nobody's way.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

for (const name of ['runner-attempts', 'runner-loss']) {
  test(name, async () => {
    const file = fileURLToPath(new URL(`${name}.test.ts`, import.meta.url));
    const child = spawn(process.execPath, ['--import', 'tsx', file], {
      env: { ...process.env, DSTACK_TEST_GUARD: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (more: string) => {
        output += more;
      });
    const exitCode = await new Promise((resolve) => child.once('close', resolve));
    assert.is(exitCode, 0, output);
  });
}

test.run();
