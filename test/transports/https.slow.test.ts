// Smart HTTP by nginx, fcgiwrap and Git's http-backend, with TLS. How to log in is Git's to know.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fails } from '../e2e/cli-support.ts';
import { createProject, type TestProject } from '../e2e/project.ts';
import { missing, password, startNginx, token, type WebHost } from './nginx.ts';
import { assertSettled, skipped, succeeds, wholeRun, workflows } from './whole-run.ts';

const test = suite<{ project: TestProject; host: WebHost; settings(text: string): NodeJS.ProcessEnv }>(
  'https',
);
if (missing) skipped('https', `there is no ${missing} (Debian: nginx-light, fcgiwrap, openssl)`);
const withNginx = missing ? test.skip : test;

test.before(async (context) => {
  if (missing) return;
  context.project = await createProject(workflows);
  context.host = await startNginx(path.join(context.project.root, 'nginx'), context.project.root);
  let made = 0;
  context.settings = (text) => {
    made += 1;
    const file = path.join(context.project.root, `gitconfig-${made}`);
    writeFileSync(file, `[http]\n\tsslCAInfo = ${context.host.authority}\n${text}`);
    return { GIT_CONFIG_GLOBAL: file };
  };
});
test.after(async ({ project, host }) => {
  await host?.stop();
  await project?.remove();
});

withNginx('a password that a credential helper of Git keeps', async ({ project, host, settings }) => {
  const kept = path.join(project.root, 'credentials');
  writeFileSync(kept, `https://ann:${encodeURIComponent(password)}@localhost:${host.port}\n`, {
    mode: 0o600,
  });
  const env = settings(`[credential]\n\thelper = store --file=${kept}\n`);
  const user = { ...env, DSTACK_REMOTE: host.url('password', project.shared) };
  const { runnerOutput } = await wholeRun(project, { user });
  await assertSettled(project);
  assert.ok(host.users().includes('ann'));
  assert.not.match(runnerOutput, /sesame/);
});

withNginx('a bearer token in a header', async ({ project, host, settings }) => {
  const url = host.url('bearer', project.shared);
  const env = settings(
    `[http "https://localhost:${host.port}/"]\n\textraHeader = Authorization: Bearer ${token}\n`,
  );
  const { runnerOutput } = await wholeRun(project, { user: { ...env, DSTACK_REMOTE: url } });
  await assertSettled(project);
  assert.not.match(runnerOutput, token);
});

withNginx(
  'a header that comes with the call, as build machines give it',
  async ({ project, host, settings }) => {
    const given = {
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: 'http.extraHeader',
      GIT_CONFIG_VALUE_0: `Authorization: Bearer ${token}`,
      DSTACK_REMOTE: host.url('bearer', project.shared),
    };
    await succeeds(project, ['status'], { ...settings(''), ...given });
  },
);

withNginx(
  'nobody is let in without, nor with a wrong one, and it is said how to go on',
  async ({ project, host, settings }) => {
    const words = [/could not read Username|Authentication failed/, /hint: .*credentials/];
    const askNobody = {
      DSTACK_STORE: `file:${project.store}`,
      DSTACK_REMOTE: host.url('password', project.shared),
    };
    await fails(
      project,
      ['run', 'make', '-d'],
      { exitCode: 1, words },
      { env: { ...settings(''), ...askNobody } },
    );
    const wrong = settings(`[credential]\n\thelper = "!f() { echo username=ann; echo password=shut; }; f"\n`);
    const refused = await fails(
      project,
      ['status'],
      { exitCode: 1, words },
      { env: { ...wrong, ...askNobody } },
    );
    assert.not.match(refused.stderr, /shut/);
  },
);

withNginx('an authority that Git does not know is not trusted', async ({ project, host }) => {
  const env = { DSTACK_REMOTE: host.url('password', project.shared) };
  await fails(project, ['status'], { exitCode: 1, words: [/certificate/, /hint: /] }, { env });
});

test.run();
