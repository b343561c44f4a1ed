import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import * as assert from 'uvu/assert';
import { freePort } from '../git/free-port.ts';
import { appToken, type GitHubServer, startGitHub } from '../host/github-server.ts';
import { type TestProject, until, withProject } from './project.ts';

const workflows = `
workflows:
  - {name: make, commands: [echo made]}
  - {name: use, depends-on: {workflows: [make]}, commands: ['echo used @octocat']}
  - {name: fail, commands: [echo why, exit 3]}
  - {name: after, depends-on: {workflows: [fail]}, commands: ['true']}
`;

export interface OnGitHub {
  readonly project: TestProject;
  readonly github: GitHubServer;
  /** What every command is to see. */
  readonly env: NodeJS.ProcessEnv;
  readonly head: string;
}

/** A project whose shared repository is octocat/Hello-World: Git goes to a daemon, the API to the server of the tests. */
export function onGitHub(body: (there: OnGitHub) => Promise<void>): () => Promise<void> {
  return withProject(workflows, async (project) => {
    const github = await startGitHub();
    const git: ChildProcess[] = [];
    try {
      mkdirSync(path.join(project.root, 'octocat'));
      symlinkSync(project.shared, path.join(project.root, 'octocat', 'Hello-World.git'));
      const port = await freePort();
      const base = `--base-path=${project.root}`;
      const options = ['--listen=127.0.0.1', `--port=${port}`, '--export-all', '--enable=receive-pack', base];
      git.push(spawn('git', ['daemon', ...options], { env: project.env, stdio: 'ignore', detached: true }));
      const url = `git://127.0.0.1:${port}/octocat/Hello-World.git`;
      await until('the server', () => project.git(['ls-remote', url]).then(() => true));
      github.refs = async () => {
        const text = await project.git(['for-each-ref', '--format=%(refname) %(objectname)']);
        return new Map(
          text.split('\n').flatMap((line) => (line ? [line.split(' ') as [string, string]] : [])),
        );
      };
      github.commit = (id) =>
        project.git(['show', '-s', '--format=%P%n%T%n%B', id]).then(
          (text) => {
            const [parents = '', tree = '', ...message] = text.split('\n');
            return { parents: parents.split(' ').filter(Boolean), tree, message: message.join('\n') };
          },
          () => null,
        );
      const env = {
        DSTACK_REMOTE: url,
        DSTACK_STORE: `file:${project.store}`,
        GITHUB_SERVER_URL: 'http://127.0.0.1',
        GITHUB_API_URL: github.url,
        GITHUB_TOKEN: appToken,
      };
      const head = await project.git(['rev-parse', 'HEAD'], { cwd: project.folder });
      await body({ project, github, env, head });
      assert.equal(github.problems, []);
    } finally {
      for (const { pid } of git) process.kill(-(pid as number), 'SIGKILL');
      await github.close();
    }
  });
}
