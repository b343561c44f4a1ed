import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const executable = fileURLToPath(new URL('../../dist/dstack.js', import.meta.url));
const size = { width: 1200, height: 960 };

/**
 * What Chromium shows of `dstack ui` for a run, as a PNG in a file.
 * @param stage where its runs are
 * @param {string} file
 * @param {string} run
 */
export async function photographPage(stage, file, run) {
  const server = spawn(process.execPath, [executable, 'ui', run, '--no-open'], {
    cwd: stage.project,
    env: stage.env,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const ended = once(server, 'exit');
  // As root it has no sandbox of its own, and in a container little shared memory.
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  });
  try {
    const page = await browser.newPage({ viewport: size, colorScheme: 'light', reducedMotion: 'reduce' });
    await page.goto(await addressOf(server));
    await page.locator('canvas').first().waitFor();
    await page.evaluate(() => document.fonts.ready);
    await page.screenshot({ path: file });
  } finally {
    await browser.close();
    server.kill('SIGINT');
    await ended;
  }
}

async function addressOf(server) {
  let text = '';
  for await (const part of server.stdout.setEncoding('utf8')) {
    text += part;
    const address = /http:\/\/\S+/.exec(text);
    if (address && text.includes('\n')) return address[0];
  }
  throw new Error('dstack ui has ended');
}
