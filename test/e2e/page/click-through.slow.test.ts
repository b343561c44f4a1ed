import type { Browser, Page } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { TestProject } from '../project.ts';
import { goTo, openBrowser, openPage, projectWithRuns, startUi, type Ui } from './in-browser.ts';

interface Context {
  project: TestProject;
  ui: Ui;
}

const browser = await openBrowser();
const page = suite<Context>('the page');

page.before(async (context) => {
  context.project = await projectWithRuns();
  context.ui = await startUi(context.project);
});

page.after(async ({ project, ui }) => {
  await browser?.close();
  assert.is(await ui.stop(), 0);
  await project.remove();
});

const shown = (page: Page, text: string) => page.getByText(text).first().waitFor();

/** What the focus is on, in words. */
const focused = (page: Page) => page.evaluate(() => document.activeElement?.textContent ?? '');

if (browser) tests(browser);

function tests(browser: Browser): void {
  page('the token is taken out of the address, and without it there is nothing', async ({ ui }) => {
    const { page, assertClean } = await openPage(browser, ui.url);
    await page.getByRole('link', { name: 'second' }).waitFor();
    assert.not.match(page.url(), 'token');
    await page.reload();
    await page.getByRole('link', { name: 'second' }).waitFor();
    assertClean();
    await page.context().close();
    const stranger = await openPage(browser, ui.url.replace(/#.*/, ''));
    await shown(stranger.page, 'Open the address that');
    await stranger.page.context().close();
  });

  page('from the list of runs to a job’s log, metrics, artifacts and parameters', async ({ ui }) => {
    const { page, assertClean } = await openPage(browser, ui.url);
    await page.getByRole('searchbox').fill('rate=3');
    await shown(page, '1 of 2 runs');
    assert.is(await page.getByRole('link', { name: 'first' }).count(), 0);
    assert.match(page.url(), 'q=rate');
    await page.getByRole('link', { name: 'second' }).click();
    await page.getByRole('heading', { name: /^second/ }).waitFor();
    await shown(page, 'a higher rate');
    assert.is(await page.locator('tbody').first().locator('tr').count(), 2);
    await page.getByRole('link', { name: 'train', exact: true }).click();

    await shown(page, 'RuntimeError: nothing is wrong');
    assert.is(await page.locator('.ansi-green').first().textContent(), 'Training');
    assert.equal(
      (await page.locator('.line').allTextContents()).filter((line) => /%|end/.test(line)),
      ['100%', 'end <script>alert(1)</script>'],
    );
    await page.getByRole('button', { name: 'Next error' }).click();
    assert.match((await page.locator('.line.found').textContent()) ?? '', 'RuntimeError');

    await page.getByRole('link', { name: 'Metrics' }).click();
    await page.locator('canvas').nth(1).waitFor();
    assert.match(
      (await page.getByRole('img', { name: /^loss/ }).getAttribute('aria-label')) ?? '',
      'train 5.3',
    );
    await page.getByLabel('logarithmic').check();

    await page.getByRole('link', { name: 'Parameters' }).click();
    await shown(page, 'RATE');
    await page.getByRole('link', { name: 'Machine' }).click();
    await shown(page, 'Nothing is known');
    assertClean();
    await page.context().close();
  });

  page('artifacts are shown as images, tables, trees and texts, and do nothing', async ({ ui }) => {
    const { page, assertClean } = await openPage(browser, ui.url);
    await goTo(page, '/job/second/train/artifacts');
    const choose = (name: string) => page.getByRole('button', { name }).click();
    for (const name of ['out/plot.png', 'out/plot.svg']) {
      await choose(name);
      const image = page.locator(`img[alt="${name}"]`);
      await image.waitFor();
      await page.waitForFunction((alt) => {
        const element = document.querySelector(`img[alt="${alt}"]`) as HTMLImageElement | null;
        return element?.complete && element.naturalWidth > 0;
      }, name);
    }
    await choose('out/report.html');
    await shown(page, '<script>alert(1)</script>');
    await choose('onerror=alert(2)');
    await shown(page, 'a note');
    await choose('out/model.bin');
    await shown(page, 'It is no text.');
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Download' }).click();
    assert.is((await download).suggestedFilename(), 'model.bin');

    await goTo(page, '/job/second/prepare/artifacts');
    await choose('data/rows.csv');
    await page.getByRole('cell', { name: 'a, b' }).waitFor();
    await page.getByRole('cell', { name: '<b>bold</b>' }).waitFor();
    await choose('data/info.json');
    await shown(page, '<img src=x onerror=alert(1)>');
    assertClean();
    await page.context().close();
  });

  page('runs beside each other, and what differs between two', async ({ ui }) => {
    const { page, assertClean } = await openPage(browser, ui.url);
    await page.getByLabel('Mark first').check();
    await page.getByLabel('Mark second').check();
    await page.getByRole('button', { name: 'Compare' }).click();
    await page.getByRole('heading', { name: '2 runs' }).waitFor();
    await page.locator('canvas').first().waitFor();
    assert.is(await page.locator('.best').count(), 1);
    await page.getByRole('button', { name: 'rate' }).click();
    assert.is(await page.locator('[aria-sort="ascending"]').count(), 1);
    await page.getByRole('link', { name: /What differs/ }).click();
    await shown(page, 'variable rate: 1 → 3');
    await shown(page, '+that goes on');
    await goTo(page, '/code/second');
    await shown(page, '+that goes on');
    assertClean();
    await page.context().close();
  });

  page('everything can be done by keys', async ({ ui }) => {
    const { page, assertClean } = await openPage(browser, ui.url);
    const press = async (...keys: string[]) => {
      for (const key of keys) await page.keyboard.press(key);
    };
    await page.getByRole('link', { name: 'second' }).waitFor();
    await press('?');
    await page.getByRole('dialog').waitFor();
    await shown(page, 'mark the run');
    await press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await press('/');
    await page.keyboard.type('first');
    await shown(page, '1 of 2 runs');
    await press('Escape');
    await shown(page, '2 runs');

    await press('j');
    assert.is(await focused(page), 'second');
    const outline = await page.evaluate(
      () => getComputedStyle(document.activeElement as Element).outlineStyle,
    );
    assert.is(outline, 'solid');
    await press('x', 'j', 'x');
    assert.is(await focused(page), 'first');
    await press('d');
    await shown(page, 'variable rate: 1 → 3');
    await press('h');
    await page.getByRole('region', { name: 'Marked runs' }).waitFor();
    await press('c');
    await page.getByRole('heading', { name: '2 runs' }).waitFor();
    await press('h');
    await page.getByRole('link', { name: 'second' }).waitFor();
    await press('g');
    assert.is(await focused(page), 'second');
    await press('Enter');
    await page.getByRole('heading', { name: /^second/ }).waitFor();
    await shown(page, 'prepare');
    await press('j', 'j');
    assert.is(await focused(page), 'train');
    await press('Enter');
    await shown(page, 'RuntimeError: nothing is wrong');
    await press('/');
    await page.keyboard.type('step 4');
    await press('Enter');
    await page.locator('.line.found', { hasText: 'step 4' }).waitFor();
    await press('Escape', 'e');
    await page.locator('.line.found', { hasText: 'RuntimeError' }).waitFor();
    await press('4');
    await shown(page, 'out/plot.png');
    await press('j', 'Enter');
    await page.getByRole('region', { name: 'alert(2)' }).waitFor();
    await press('u');
    await page.getByRole('heading', { name: /^second/ }).waitFor();
    assertClean();
    await page.context().close();
  });

  page('what has a place of its own can be gone to at once; what isn’t there is said', async ({ ui }) => {
    const { page } = await openPage(browser, ui.url.replace('/?', '/job/first/train/metrics?'));
    await page.locator('canvas').first().waitFor();
    await goTo(page, '/run/nobody');
    await shown(page, 'there is no run "nobody"');
    await goTo(page, '/job/first/nothing');
    await shown(page, 'first has no job nothing');
    await page.context().close();
  });
}

page.run();
