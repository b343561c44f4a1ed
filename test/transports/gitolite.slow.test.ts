// gitolite with the rules of docs/hosts.md: who submits and who executes may write only what that takes.
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createProject, type TestProject } from '../e2e/project.ts';
import { documentedRules, type Gitolite, hasGitolite, startGitolite } from './gitolite.ts';
import { hasSshd } from './sshd.ts';
import { assertSettled, skipped, startFarRunner, succeeds, wholeRun, workflows } from './whole-run.ts';

interface Context {
  project: TestProject;
  host: Gitolite;
  /** What each of the two is told. */
  ann: NodeJS.ProcessEnv;
  machine: NodeJS.ProcessEnv;
}
const test = suite<Context>('gitolite');
const available = hasGitolite && hasSshd;
if (!available) skipped('gitolite', 'gitolite or sshd is missing (Debian: gitolite3, openssh-server)');
const withGitolite = available ? test : test.skip;

test.before(async (context) => {
  if (!available) return;
  const project = await createProject(workflows);
  const host = await startGitolite(
    path.join(project.root, 'gitolite'),
    ['ann', 'machine'],
    `${documentedRules().replaceAll('@submitters', 'ann').replaceAll('@runners', 'machine')}`,
  );
  const env = (user: string) => ({
    ...host.sshd.env,
    TMPDIR: project.root,
    DSTACK_REMOTE: host.url(user),
    DSTACK_STORE: `file:${project.store}`,
  });
  Object.assign(context, { project, host, ann: env('ann'), machine: env('machine') });
});
test.after(async ({ project, host }) => {
  await host?.sshd.stop();
  await project?.remove();
});

withGitolite(
  'a whole run, with two who may each do only their part',
  async ({ project, host, ann, machine }) => {
    await succeeds(project, ['runner', 'check'], machine);
    const { done } = await wholeRun(project, { user: ann, runner: machine });
    await assertSettled(project, host.shared);
    await succeeds(project, ['untag', `kept-${done}`], ann);
    const refs = await project.git(['for-each-ref', '--format=%(refname)'], { cwd: host.shared });
    for (const ref of [`refs/dstack/jobs/${done}/use`, `refs/notes/dstack/${done}/use`])
      assert.ok(refs.includes(ref), `${ref} is not there`);
    assert.match(refs, /^refs\/dstack\/cache\//m);
    // A runner that has left takes its card along.
    assert.not.match(refs, /^refs\/dstack\/runners\//m);
  },
);

withGitolite(
  'who submits stops a job that no runner has; a runner ends it',
  async ({ project, host, ann, machine }) => {
    const run = (await succeeds(project, ['run', 'long', '--detach'], ann)).stdout.trim();
    const stopping = project.dstack(['stop', run, '-y'], { env: ann });
    const runner = startFarRunner(project, machine, ['--drain']);
    const { exitCode, stderr } = await stopping;
    assert.is(exitCode, 0, stderr);
    assert.is(await runner.exited, 0, runner.output());
    await assertSettled(project, host.shared);
  },
);

for (const [who, may, mayNot] of [
  ['ann', ['queue', 'stops', 'tags', 'runs'], ['claims', 'jobs', 'cache', 'runners']],
  ['machine', ['claims', 'jobs', 'cache', 'runners'], ['runs', 'tags', 'stops', 'queue']],
] as const) {
  withGitolite(`${who} may not write what is the other's`, async (context) => {
    const { project, host } = context;
    const push = (ref: string) =>
      project.git(['push', '--quiet', host.url(who), `HEAD:${ref}`], {
        cwd: project.folder,
        env: context.ann,
      });
    for (const area of may) await push(`refs/dstack/${area}/x-${who}/y`);
    for (const ref of [...mayNot.map((area) => `refs/dstack/${area}/x-${who}/y`), 'refs/heads/other']) {
      const words = await push(ref).then(
        () => 'it went through',
        (error: Error) => error.message,
      );
      assert.match(words, /DENIED by/, ref);
    }
  });
}

withGitolite("a refusal is told in gitolite's own words", async ({ project, machine }) => {
  const { exitCode, stderr } = await project.dstack(['run', 'make', '--detach'], { env: machine });
  assert.is(exitCode, 1);
  assert.match(stderr, /nothing was submitted: .*DENIED by/s);
  assert.match(stderr, /hint: .*hook/);
});

test.run();
