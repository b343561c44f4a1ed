import { readdirSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Browser } from 'playwright-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { fails } from '../cli-support.ts';
import { withProject } from '../project.ts';
import { goTo, openBrowser, openPage, startUi } from './in-browser.ts';

/** Prints a line for each file `step-N` that comes, and measures. */
const training = (root: string) => `
workflows:
  - name: train
    metrics: metrics.jsonl
    commands:
      - echo begun
      - for i in 1 2; do until [ -e ${root}/step-$i ]; do sleep 0.1; done; echo "seen $i"; echo "{\\"step\\":$i,\\"loss\\":$i}" >> metrics.jsonl; done
`;

const quick = ['--poll', '200ms', '--executor', 'process'];

async function followsAll(browser: Browser): Promise<void> {
  await withProject(training, async (project) => {
    const runner = project.startRunner('one', quick);
    const ui = await startUi(project);
    try {
      const { page, assertClean } = await openPage(browser, ui.url);
      const shown = (text: string) => page.getByText(text).first().waitFor();
      await shown('No runs yet.');
      await shown('live, 1 runner');
      const run = await project.submit(['train', '--name', 'slow']);
      await page.getByRole('link', { name: run }).waitFor();
      await page.locator('td .state-running').waitFor();

      // Whoever does something there is shown what is new.
      const looked = page.waitForRequest(/\/api\/look$/);
      await page.keyboard.press('Shift');
      await looked;

      await goTo(page, '/job/slow/train');
      await shown('begun');
      writeFileSync(path.join(project.root, 'step-1'), '');
      await shown('seen 1');
      assertClean();

      renameSync(project.shared, `${project.shared}.away`);
      await page.getByRole('alert').filter({ hasText: 'as of' }).waitFor();
      await shown('seen 1');
      renameSync(`${project.shared}.away`, project.shared);
      await shown('live, 1 runner');

      await goTo(page, '/job/slow/train/metrics');
      await page.getByRole('img', { name: 'loss: train 1' }).waitFor();
      writeFileSync(path.join(project.root, 'step-2'), '');
      await page.getByRole('img', { name: 'loss: train 2' }).waitFor();
      await page.locator('h1 .state-done').waitFor();
      // What was asked for while the repository was away could not be told.
      assertClean(/status of 503/);
      assert.is(await ui.stop(), 0);
      await shown('does not answer');
      await page.context().close();
    } finally {
      await ui.stop();
      runner.kill('SIGTERM');
      await runner.exited;
    }
  })();
}

const browser = await openBrowser();
if (browser) {
  test('runs, logs and metrics are shown as they come, and how old they are when nothing comes', async () => {
    try {
      await followsAll(browser);
    } finally {
      await browser.close();
    }
  });
}

test(
  'what it answers is for who has the token, and Ctrl+C leaves nothing behind',
  withProject(training, async (project) => {
    const before = readdirSync(tmpdir()).filter((name) => name.startsWith('dstack-ui-'));
    const ui = await startUi(project);
    const { origin, hash } = new URL(ui.url);
    const token = /token=([\w-]{22,})$/.exec(hash)?.[1] ?? '';
    assert.is.not(token, '');
    assert.is(new URL(ui.url).hostname, '127.0.0.1');
    const ask = (where: string, authorization: string) =>
      fetch(`${origin}${where}`, { headers: { authorization } }).then(({ status }) => status);
    assert.is(await ask('/api/run/nobody', 'Bearer nothing'), 401);
    assert.is(await ask('/api/run/nobody', `Bearer ${token}`), 404);
    const { port } = new URL(ui.url);
    await fails(project, ['ui', '--no-open', '--port', port], {
      exitCode: 1,
      words: [/another program does/],
    });
    assert.is(await ui.stop(), 0);
    assert.equal(
      readdirSync(tmpdir()).filter((name) => name.startsWith('dstack-ui-')),
      before,
    );
  }),
);

test.run();
