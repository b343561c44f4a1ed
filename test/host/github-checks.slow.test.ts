import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { checkName, showRun } from '../../src/host/github-checks.ts';
import type { GitHubClient } from '../../src/host/github-client.ts';
import type { LogTail, ReportedRun } from '../../src/host/run-report.ts';
import { finished, runCommit, running, sha, withGitHub } from './github.ts';
import { appToken } from './github-server.ts';

const noNote = (reason: string) => assert.unreachable(reason);

function show(client: GitHubClient, run: ReportedRun, logs: readonly LogTail[] = [], note = noNote) {
  const shown = { run, sha, runCommit, asCommitted: true, logs };
  return showRun(client, shown, { statusesOnly: false }, note);
}

test(
  'an App sees a run from its beginning to its end in one check run, and a status that leads there',
  withGitHub(async (github, connect) => {
    const client = connect(appToken);
    await show(client, running());
    assert.is(github.checkRuns.length, 1);
    const [check] = github.checkRuns;
    assert.is(check?.status, 'in_progress');
    assert.is(check?.name, 'dstack/train');
    assert.is(check?.external_id, `quiet-otter ${runCommit}`);

    await show(client, finished('done'), [{ job: 'train', text: 'epoch 1\nepoch 2\n' }]);
    assert.is(github.checkRuns.length, 1);
    assert.is(check?.status, 'completed');
    assert.is(check?.conclusion, 'success');
    const output = check?.output as Record<string, string>;
    assert.is(output.title, 'quiet-otter: done in 3m04s');
    assert.match(output.summary as string, '3m04s');
    assert.match(output.text as string, 'epoch 1\nepoch 2');
    assert.equal(
      github.statuses.map(({ state, context, target_url }) => [state, context, target_url]),
      [
        ['pending', 'dstack/train', check?.html_url],
        ['success', 'dstack/train', check?.html_url],
      ],
    );
  }),
);

test(
  'said again, by this runner or another one, nothing is written twice',
  withGitHub(async (github, connect) => {
    await show(connect(appToken), finished('failed'));
    await show(connect(appToken), finished('failed'));
    assert.is(github.checkRuns.length, 1);
    assert.is(github.statuses.length, 1);
    assert.is(github.checkRuns[0]?.conclusion, 'failure');
  }),
);

test(
  'of two runners that begin at the same time, both go on with one check run',
  withGitHub(async (github, connect) => {
    await Promise.all([show(connect(appToken), running()), show(connect(appToken), running())]);
    await Promise.all([show(connect(appToken), finished('done')), show(connect(appToken), finished('done'))]);
    const [first, ...others] = github.checkRuns.map(({ conclusion }) => conclusion);
    assert.is(first, 'success');
    assert.ok(others.every((conclusion) => conclusion === 'neutral'));
    assert.is(github.statuses.at(-1)?.state, 'success');
  }),
);

test(
  'a check run too many, whose maker was killed before it could give way, is ended by the next one who looks',
  withGitHub(async (github, connect) => {
    const client = connect(appToken);
    await show(client, running());
    const { name, external_id } = github.checkRuns[0] as { name: string; external_id: string };
    const body = { ...client.at, name, external_id, head_sha: sha, status: 'in_progress' as const };
    await client.octokit.rest.checks.create(body);
    await show(client, finished('done'));
    assert.equal(
      github.checkRuns.map(({ conclusion }) => conclusion),
      ['success', 'neutral'],
    );
  }),
);

test(
  'who comes late with what was before does not undo the end',
  withGitHub(async (github, connect) => {
    await show(connect(appToken), finished('stopped'));
    await show(connect(appToken), running());
    assert.is(github.checkRuns[0]?.conclusion, 'cancelled');
    assert.equal(
      github.statuses.map(({ state }) => state),
      ['error'],
    );
  }),
);

test(
  'another run of the same commit begins anew',
  withGitHub(async (github, connect) => {
    await show(connect(appToken), finished('failed'));
    await show(connect(appToken), running({ name: 'brave-fox' }));
    assert.is(github.checkRuns.length, 2);
    assert.is(github.statuses.at(-1)?.state, 'pending');
  }),
);

test(
  "with a user's token there are statuses only, which is said once",
  withGitHub(async (github, connect) => {
    const client = connect();
    const memory = { statusesOnly: false };
    const notes: string[] = [];
    const shown = { sha, runCommit, asCommitted: true, logs: [] };
    for (const run of [running(), finished('done')])
      await showRun(client, { ...shown, run }, memory, (reason) => notes.push(reason));
    assert.is(notes.length, 1);
    assert.match(notes[0] as string, 'GitHub App');
    assert.equal(
      github.statuses.map(({ state, target_url }) => [state, target_url]),
      [
        ['pending', `https://github.com/octocat/Hello-World/commit/${runCommit}`],
        ['success', `https://github.com/octocat/Hello-World/commit/${runCommit}`],
      ],
    );
    assert.is(
      github.calls.filter((name) => name.startsWith('POST') && name.endsWith('check-runs')).length,
      1,
    );
  }),
);

test('a run of more than the commit, or with variables, has a name of its own', () => {
  const run = running();
  assert.is(checkName({ run, asCommitted: true }), 'dstack/train');
  assert.is(checkName({ run, asCommitted: false }), 'dstack/train/quiet-otter');
  const varied = running({ variables: { rate: '0.1' } });
  assert.is(checkName({ run: varied, asCommitted: true }), 'dstack/train/quiet-otter');
});

test(
  'however much there is to say, GitHub takes it',
  withGitHub(async (github, connect) => {
    const jobs = Array.from({ length: 400 }, (_, index) => ({
      ...(finished('failed').jobs[0] as ReportedRun['jobs'][number]),
      name: `job-${index}`,
      reason: '`<|>`'.repeat(500),
    }));
    const logs = ['`'.repeat(200_000), 'x'.repeat(200_000), 'line\n'.repeat(50_000)];
    await show(
      connect(appToken),
      finished('failed', { jobs, variables: { text: 'é'.repeat(3_000) } }),
      logs.map((text, index) => ({ job: `job-${index}`, text })),
    );
    const output = github.checkRuns[0]?.output as Record<string, string>;
    assert.ok((output.text as string).length <= 65_535);
    assert.ok((output.summary as string).length <= 65_535);
    assert.match(output.text as string, 'line\nline\n');
  }),
);

test.run();
