import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser } from 'playwright-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { executable, fails } from '../cli-support.ts';
import { createProject, type TestProject, until } from '../project.ts';
import { goTo, openBrowser, openPage, projectWithRuns } from './in-browser.ts';

async function exported(project: TestProject, ...args: string[]): Promise<string> {
  const folder = path.join(project.root, 'paper');
  const { exitCode, stdout, stderr } = await project.dstack(['ui', '--export', folder, ...args]);
  assert.is(exitCode, 0, stderr);
  assert.is(stdout, `${folder}\n`);
  return folder;
}

/** Any web server: files as they are, by what the ends of their names say. */
async function serve(folder: string) {
  const types: Record<string, string> = {
    ...{ html: 'text/html', js: 'text/javascript', css: 'text/css', svg: 'image/svg+xml', png: 'image/png' },
  };
  const server = createServer((request, response) => {
    const name = (request.url ?? '/').split('?')[0] as string;
    const file = path.join(folder, name === '/' ? 'index.html' : path.normalize(name));
    if (!existsSync(file)) return response.writeHead(404).end();
    response.writeHead(200, {
      'Content-Type': types[path.extname(file).slice(1)] ?? 'application/octet-stream',
    });
    response.end(readFileSync(file));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function walkThrough(browser: Browser, url: string): Promise<void> {
  const { page, assertClean } = await openPage(browser, url);
  const shown = (text: string) => page.getByText(text).first().waitFor();
  await shown('exported');
  await page.getByRole('link', { name: 'second' }).click();
  await page.locator('canvas').first().waitFor();
  await page.getByRole('link', { name: 'train', exact: true }).click();
  await shown('RuntimeError: nothing is wrong');
  await page.getByRole('link', { name: 'Artifacts' }).click();
  for (const name of ['out/plot.png', 'out/plot.svg']) {
    await page.getByRole('button', { name }).click();
    await page.waitForFunction((alt) => {
      const image = document.querySelector(`img[alt="${alt}"]`) as HTMLImageElement | null;
      return image?.complete && image.naturalWidth > 0;
    }, name);
  }
  await page.getByRole('button', { name: 'out/report.html' }).click();
  await shown('<script>alert(1)</script>');
  const download = page.waitForEvent('download');
  await page.getByRole('link', { name: 'Download' }).click();
  const name = (await download).suggestedFilename();
  // A browser gives files of a folder no other name.
  assert.match(name, url.startsWith('file:') ? /\.bin$/ : /^report\.html$/);
  await goTo(page, '/job/second/prepare/artifacts');
  await page.getByRole('button', { name: 'info.json' }).click();
  await shown('__proto__');
  await goTo(page, '/compare/first,second');
  await page.locator('.best').waitFor();
  await page.getByRole('link', { name: /What differs/ }).click();
  await shown('+that goes on');
  await goTo(page, '/run/third');
  await shown('this is not in the export');
  assertClean();
  await page.context().close();
}

const browser = await openBrowser();
if (browser) {
  test('an export is the page, on a web server and in a folder', async () => {
    const project = await projectWithRuns();
    try {
      const folder = await exported(project, 'first', 'second');
      const server = await serve(folder);
      try {
        await walkThrough(browser, server.url);
      } finally {
        server.close();
      }
      await walkThrough(browser, pathToFileURL(path.join(folder, 'index.html')).href);
    } finally {
      await browser.close();
      await project.remove();
    }
  });
}

test('nothing of an export is a page or a script but its own, and none of it is from elsewhere', async () => {
  const project = await projectWithRuns();
  try {
    const folder = await exported(project, 'first', 'second');
    const ends = readdirSync(path.join(folder, 'files')).map((name) => path.extname(name));
    assert.equal([...new Set(ends)].sort(), ['.bin', '.png']);
    assert.equal(readdirSync(folder).sort(), [
      ...['data', 'dstack-export.json', 'files', 'index.html', 'page.css', 'page.js', 'page.svg'],
    ]);
    const html = readFileSync(path.join(folder, 'index.html'), 'utf8');
    assert.match(html, "default-src 'none'; script-src 'self'");
    assert.not.match(html, /https?:|<script>|style=/);
  } finally {
    await project.remove();
  }
});

test('a folder with something else in it is left alone, an earlier export replaced', async () => {
  const project = await projectWithRuns();
  try {
    const folder = path.join(project.root, 'paper');
    mkdirSync(folder);
    writeFileSync(path.join(folder, 'thesis.tex'), 'years of work');
    const args = ['ui', '--export', folder];
    await fails(project, [...args, 'first'], {
      exitCode: 1,
      words: [/is no earlier export/, /choose a folder/],
    });
    assert.equal(readdirSync(folder), ['thesis.tex']);
    await fails(project, args, { exitCode: 2, words: [/which runs are to be exported/] });
    await fails(project, [...args, 'nobody'], { exitCode: 1, words: [/there is no run "nobody"/] });

    await fails(project, ['ui', 'first', '--export', '/proc/x/y'], { exitCode: 1, words: [/can't be made/] });
    await fails(project, ['ui', 'first', '--export', '/proc/x'], {
      exitCode: 1,
      words: [/can't be written/],
    });

    const other = path.join(project.root, 'deep', 'export');
    for (const run of ['first', 'second']) {
      const { exitCode, stdout, stderr } = await project.dstack(['ui', run, '--export', other, '--json']);
      assert.is(exitCode, 0, stderr);
      assert.equal(JSON.parse(stdout), { folder: other, runs: [run], leftOut: [] });
    }
    assert.equal(JSON.parse(readFileSync(path.join(other, 'dstack-export.json'), 'utf8')).runs, ['second']);
    assert.equal(readdirSync(path.join(project.root, 'deep')), ['export']);
    // Whoever may see other folders that the user makes may see this one: a web server, say.
    assert.is(statSync(other).mode, statSync(path.join(project.root, 'deep')).mode);

    mkdirSync(path.join(other, '.git'));
    await fails(project, ['ui', 'first', '--export', other], {
      exitCode: 1,
      words: [/has more in it than an earlier export: \.git/, /move that away/],
    });
    assert.ok(existsSync(path.join(other, '.git')));
  } finally {
    await project.remove();
  }
});

test('one that is ended in the middle leaves nothing', async () => {
  const project = await projectWithRuns();
  try {
    for (const signal of ['SIGTERM', 'SIGHUP'] as const) {
      const folder = path.join(project.root, signal, 'paper');
      const temporary = path.join(project.root, `${signal}-tmp`);
      mkdirSync(temporary);
      const child = spawn(process.execPath, [executable, 'ui', 'first', 'second', '--export', folder], {
        cwd: project.folder,
        env: { ...project.env, TMPDIR: temporary },
        stdio: 'ignore',
      });
      const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
      const parent = path.dirname(folder);
      await until('its folder', async () => existsSync(parent) && readdirSync(parent).length > 0);
      child.kill(signal);
      // A terminal that is closed may say so twice.
      if (signal === 'SIGHUP') child.kill(signal);
      // Nothing else is right but that it was too late, and all of it is there.
      const exitCode = await ended;
      assert.ok(exitCode === 0 || exitCode === 130, `${signal}: ${exitCode}`);
      assert.equal(readdirSync(parent), exitCode === 0 ? ['paper'] : []);
      assert.equal(readdirSync(temporary), []);
    }
  } finally {
    await project.remove();
  }
});

test('large files are named, and left out', async () => {
  const project = await createProject(`
workflows:
  - name: train
    commands: [mkdir out, head -c 27000000 /dev/zero > out/model.bin, echo small > out/note.txt]
    artifacts: [out]
`);
  try {
    const ran = await project.dstack(['run', 'train', '--local', '--name', 'big']);
    assert.is(ran.exitCode, 0, ran.stderr);
    const folder = path.join(project.root, 'paper');
    const { stdout, stderr } = await project.dstack(['ui', 'big', '--export', folder, '--json']);
    assert.equal(JSON.parse(stdout).leftOut, ['big/train:out/model.bin']);
    assert.match(
      stderr,
      /1 file of artifacts left out, larger than 25MB or gone: big\/train:out\/model\.bin/,
    );
    assert.is(readdirSync(path.join(folder, 'files')).length, 1);
  } finally {
    await project.remove();
  }
});

test.run();
