import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';
import * as assert from 'uvu/assert';
import { executable } from '../cli-support.ts';
import { createProject, type TestProject, until } from '../project.ts';

const browserPath = '/usr/bin/chromium';

/** Debian's browser; null, and said so, where there is none. */
export async function openBrowser(): Promise<Browser | null> {
  try {
    accessSync(browserPath, constants.X_OK);
  } catch {
    console.log('SKIP the page in a browser: there is no /usr/bin/chromium');
    return null;
  }
  // As root it has no sandbox of its own, and in a container little shared memory.
  return chromium.launch({ executablePath: browserPath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
}

/** A page, and all that must not have happened in it. */
export interface WatchedPage {
  readonly page: Page;
  /**
   * Throws if something failed, was refused by the policy, asked for anything elsewhere, or opened a dialog.
   * @param expected words of failures that the test has brought about
   */
  assertClean(expected?: RegExp): void;
}

export async function openPage(
  browser: Browser,
  url: string,
  options: { width?: number; height?: number; dark?: boolean } = {},
): Promise<WatchedPage> {
  const { width = 1280, height = 800, dark = false } = options;
  const page = await browser.newPage({
    viewport: { width, height },
    colorScheme: dark ? 'dark' : 'light',
    reducedMotion: 'reduce',
  });
  const wrong: string[] = [];
  const own = new URL(url);
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') wrong.push(message.text());
  });
  page.on('pageerror', (error) => wrong.push(String(error.stack)));
  page.on('dialog', (dialog) => {
    wrong.push(`a dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('request', (request) => {
    const asked = new URL(request.url());
    const isOwn = asked.protocol === own.protocol && asked.host === own.host;
    if (!isOwn && asked.protocol !== 'blob:') wrong.push(`asked for ${request.url()}`);
  });
  await page.goto(url);
  return {
    page,
    assertClean: (expected) =>
      assert.equal(
        wrong.filter((words) => !expected?.test(words)),
        [],
      ),
  };
}

/** `dstack ui`, as a process of its own. */
export interface Ui {
  /** With the token. */
  readonly url: string;
  readonly pid: number;
  output(): string;
  /** Ctrl+C. @returns the exit code */
  stop(): Promise<number | null>;
}

export async function startUi(project: TestProject, args: readonly string[] = []): Promise<Ui> {
  const child = spawn(process.execPath, [executable, 'ui', '--no-open', ...args], {
    cwd: project.folder,
    env: project.env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (more: string) => {
    stdout += more;
  });
  child.stderr.setEncoding('utf8').on('data', (more: string) => {
    stderr += more;
  });
  const exited = new Promise<number | null>((resolve) => child.once('close', resolve));
  const url = await until('the address', () => {
    if (child.exitCode !== null) throw new Error(stderr);
    return /^(http\S+)\n/.exec(stdout)?.[1];
  }).catch((error: unknown) => {
    child.kill('SIGKILL');
    throw error;
  });
  return {
    url,
    pid: child.pid as number,
    output: () => stderr,
    stop() {
      child.kill('SIGINT');
      return exited;
    },
  };
}

/** Goes to a place within the page. */
export async function goTo(page: Page, place: string): Promise<void> {
  await page.evaluate((hash) => {
    window.location.hash = hash;
  }, place);
}

/** 8 × 8 pixels. */
const png =
  'iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEklEQVR4nGNQiD2BFTEMLQkAVslHgfWvC7IAAAAASUVORK5CYII=';

/** Two jobs that leave a bit of everything, some of it hostile; they need nothing but a shell. */
export const workflows = `
workflows:
  - name: prepare
    commands:
      - mkdir -p data
      - printf 'id,value,name\\n1,0.5,"a, b"\\n2,0.25,<b>bold</b>\\n' > data/rows.csv
      - printf '{"rows":2,"<img src=x onerror=alert(1)>":{"deep":[1,null,true]},"__proto__":{"x":1}}' > data/info.json
    artifacts: [data]
  - name: train
    depends-on: [prepare]
    metrics: metrics.jsonl
    commands:
      - mkdir -p out
      - printf '\\033[32mTraining\\033[0m with ${'${{ rate }}'}\\n'
      - for i in 1 2 3 4 5; do echo "{\\"step\\":$i,\\"loss\\":$(expr 10 - $i).${'${{ rate }}'},\\"accuracy\\":0.$i}" >> metrics.jsonl; echo "step $i"; done
      - printf '10%%\\r50%%\\r100%%\\nRuntimeError\\072 nothing is wrong\\n\\033]0;evil\\007\\033[2Jend <script>alert(1)</script>\\n'
      - echo ${png} | base64 -d > out/plot.png
      - printf '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="10"><script>alert(1)</script><rect width="20" height="10" fill="red"/></svg>' > out/plot.svg
      - printf '<script>alert(1)</script>' > out/report.html
      - printf 'a note\\n' > 'out/<img src=x onerror=alert(2)>.txt'
      - printf '\\000\\001\\002' > out/model.bin
    artifacts: [out]
`;

/** A project with two local runs, `first` and `second`, that differ in a variable and in a file that was not committed. */
export async function projectWithRuns(): Promise<TestProject> {
  const project = await createProject(workflows);
  project.write({ '.dstack/variables.yaml': 'variables: {train: {rate: 1}}\n' });
  const run = async (...args: string[]) => {
    const { exitCode, stderr } = await project.dstack(['run', 'train', '--local', ...args]);
    assert.is(exitCode, 0, stderr);
  };
  await run('--name', 'first');
  project.write({ 'README.md': 'a project\nthat goes on\n' });
  await run('--name', 'second', '--rate', '3', '--tag', 'best', '--reason', 'a higher rate');
  return project;
}
