// Hosts that don't let everything be done: by Git's own settings, by hooks, by a slow line.
import { randomBytes } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fails } from '../e2e/cli-support.ts';
import { createProject, type TestProject } from '../e2e/project.ts';
import { serve } from '../ledger/git-daemon.ts';
import { guard, sharedAt } from '../ledger/support.ts';
import { missing, startNginx, token } from './nginx.ts';
import { startSlowLink } from './slow-link.ts';
import { assertSettled, skipped, wholeRun, workflows } from './whole-run.ts';

interface Context {
  project: TestProject;
  user: NodeJS.ProcessEnv;
  stop(): Promise<void>;
}
const test = suite<Context>('hosts with quirks');

test.before.each(async (context) => {
  const project = await createProject(workflows);
  const { url, stop } = await serve(project.shared);
  const user = { DSTACK_REMOTE: url, DSTACK_STORE: `file:${project.store}` };
  Object.assign(context, { project, user, stop });
});
test.after.each(async ({ project, stop }) => {
  await stop();
  await project.remove();
});

const set = (project: TestProject, key: string, value: string) =>
  project.git(['config', '--add', key, value]);

test('no push of several refs that is all or nothing, over a line with 120 ms each way', async ({
  project,
  user,
}) => {
  await set(project, 'receive.advertiseAtomic', 'false');
  const url = new URL(String(user.DSTACK_REMOTE));
  const link = await startSlowLink(Number(url.port), 120);
  try {
    const remote = String(user.DSTACK_REMOTE).replace(`:${url.port}/`, `:${link.port}/`);
    await wholeRun(project, { user: { ...user, DSTACK_REMOTE: remote } });
    await assertSettled(project);
  } finally {
    await link.close();
  }
});

test('nothing may be deleted or rewound, as far as Git can forbid it', async ({ project, user }) => {
  for (const key of ['receive.denyDeletes', 'receive.denyNonFastForwards']) await set(project, key, 'true');
  await wholeRun(project, { user });
  await assertSettled(project);
});

test('a cache that is hidden: everything is executed, and ends', async ({ project, user }) => {
  await set(project, 'transfer.hideRefs', 'refs/dstack/cache');
  await set(project, 'transfer.hideRefs', 'refs/pull');
  await wholeRun(project, { user });
  await assertSettled(project);
  assert.equal(await project.refs('cache'), []);
});

test('other refs than branches are hidden: refused, and said what to do; that works', async ({
  project,
  user,
}) => {
  await set(project, 'transfer.hideRefs', 'refs/dstack');
  await fails(
    project,
    ['run', 'make', '--detach'],
    { exitCode: 1, words: [/nothing was submitted: .*hidden ref/, /hint: .*refPrefix: refs\/heads\/dstack/] },
    { env: user },
  );
  await wholeRun(project, { user: { ...user, DSTACK_REF_PREFIX: 'refs/heads/dstack' } });
});

test('a push that is too large is refused, and said why; a smaller one goes through', async ({
  project,
  user,
}) => {
  await set(project, 'receive.maxInputSize', '100k');
  const big = path.join(project.folder, 'big.bin');
  writeFileSync(big, randomBytes(300_000));
  await fails(
    project,
    ['run', 'make', '--detach'],
    { exitCode: 1, words: [/nothing was submitted: .*exceeds/, /hint: .*\.dstackignore/] },
    // git:// closes the line, and its words can be lost on the way.
    { env: { ...user, DSTACK_REMOTE: project.shared } },
  );
  rmSync(big);
  await wholeRun(project, { user });
});

test("a hook's own words reach whoever submits", async ({ project, user }) => {
  sharedAt(project.shared).hook(
    'pre-receive',
    "while read -r _ _ ref; do case $ref in refs/dstack/runs/*) echo 'Only on weekdays, please.' >&2; exit 1 ;; esac; done",
  );
  await fails(
    project,
    ['run', 'make', '--detach'],
    { exitCode: 1, words: [/nothing was submitted: .*Only on weekdays, please/, /hint: .*hook/] },
    { env: user },
  );
  assert.equal(await project.refs('queue'), []);
});

if (missing) skipped('branches only, over https', `there is no ${missing} (Debian: nginx-light, fcgiwrap)`);
(missing ? test.skip : test)(
  'nothing but branches and tags, none of which may be rewound or deleted, over https',
  async ({ project }) => {
    const host = await startNginx(path.join(project.root, 'nginx'), project.root);
    try {
      guard(sharedAt(project.shared));
      const settings = path.join(project.root, 'gitconfig');
      writeFileSync(
        settings,
        `[http]\n\tsslCAInfo = ${host.authority}\n\textraHeader = Authorization: Bearer ${token}\n`,
      );
      const user = {
        GIT_CONFIG_GLOBAL: settings,
        DSTACK_REMOTE: host.url('bearer', project.shared),
        DSTACK_REF_PREFIX: 'refs/heads/dstack',
      };
      await wholeRun(project, { user });
    } finally {
      await host.stop();
    }
  },
);

test.run();
