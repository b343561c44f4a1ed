import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Browser, Page } from 'playwright-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { goTo, openBrowser, openPage, projectWithRuns, startUi } from './in-browser.ts';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core'), 'utf8');

/** Each place, and by what one sees that it is there. */
const places: readonly (readonly [string, string])[] = [
  ['/', 'a[href="#/run/second"]'],
  ['/run/second', 'canvas'],
  ['/job/second/train', '.line .ansi-green'],
  ['/job/second/train/metrics', 'canvas'],
  ['/job/second/train/artifacts', '.file'],
  ['/job/second/train/parameters', 'pre'],
  ['/compare/first,second', 'canvas'],
  ['/diff/first/second', '.patch-line'],
  ['/code/second', '.patch-line'],
  ['/run/nobody', '.failure'],
];

async function violations(page: Page): Promise<string[]> {
  return page.evaluate(async () => {
    const { axe } = window as unknown as { axe: { run(): Promise<{ violations: Violation[] }> } };
    interface Violation {
      id: string;
      help: string;
      nodes: { html: string; failureSummary?: string }[];
    }
    const { violations: found } = await axe.run();
    return found.map(({ id, nodes }) => `${id}: ${nodes[0]?.html} ${nodes[0]?.failureSummary}`);
  });
}

/** @returns what is wrong, with its place */
async function lookAround(
  browser: Browser,
  url: string,
  look: { width: number; height: number; dark: boolean },
): Promise<string[]> {
  const wrong: string[] = [];
  const { page } = await openPage(browser, url, look);
  await page.evaluate(axe);
  for (const [place, sign] of places) {
    await goTo(page, place);
    await page.locator(sign).first().waitFor();
    wrong.push(...(await violations(page)).map((one) => `${place}: ${one}`));
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    if (overflow > 0) wrong.push(`${place}: wider than the window by ${overflow} pixels`);
  }
  await goTo(page, '/job/second/prepare/artifacts');
  for (const file of ['rows.csv', 'info.json']) {
    await page.getByRole('button', { name: file }).click();
    await page.locator('.preview .frame').waitFor();
    wrong.push(...(await violations(page)).map((one) => `${file}: ${one}`));
  }
  await goTo(page, '/');
  await page.getByLabel('Mark second').check();
  await page.keyboard.press('?');
  await page.getByRole('dialog').waitFor();
  wrong.push(...(await violations(page)).map((one) => `help: ${one}`));
  await page.context().close();
  return wrong;
}

const browser = await openBrowser();
if (browser) {
  test('nothing keeps people out, in dark and light, on a desk and in a hand', async () => {
    const project = await projectWithRuns();
    const ui = await startUi(project);
    try {
      assert.equal(await lookAround(browser, ui.url, { width: 1280, height: 800, dark: false }), []);
      assert.equal(await lookAround(browser, ui.url, { width: 390, height: 844, dark: true }), []);
    } finally {
      await browser.close();
      await ui.stop();
      await project.remove();
    }
  });
}

test.run();
