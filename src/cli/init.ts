import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { writeConfig } from '../config/write-config.ts';
import { usageError } from '../errors.ts';
import { headBranch } from '../git/branches.ts';
import { initBareRepository } from '../git/repository.ts';
import { resolveRemote } from '../ledger/shared-repository.ts';
import { setUpHook } from './hook.ts';
import { openProject } from './project.ts';
import { say } from './terminal.ts';

const exampleWorkflows = `# What can be run here: dstack run hello
workflows:
  - name: hello
    help: Write a greeting, as a first try
    commands:
      - echo "Hello, \${{ who }}, from $RUN_NAME"
      - mkdir -p output
      - echo "Hello, \${{ who }}" > output/greeting.txt
    artifacts: [output]
`;

const exampleVariables = `# Defaults; dstack run hello --who you overrides them
variables:
  hello:
    who: world
`;

/** First-time set-up of a project. What is there already stays as it is. */
export async function init(options: { remote?: string; create?: string }): Promise<void> {
  if (options.remote !== undefined && options.create !== undefined) {
    throw usageError(
      'contradiction',
      '--create makes the shared repository that --remote would name',
      'use one of the two',
    );
  }
  const project = await openProject();
  if (project.repository.workTree === null)
    throw usageError('no-work-tree', 'this is a bare repository', 'run it in a clone');
  const top = project.repository.workTree;
  const files = { '.dstack/workflows.yaml': exampleWorkflows, '.dstack/variables.yaml': exampleVariables };
  await mkdir(join(top, '.dstack'), { recursive: true });
  const fresh =
    !existsSync(join(top, '.dstack/workflows.yaml')) && !existsSync(join(top, '.dstack/workflows'));
  for (const [name, content] of fresh ? Object.entries(files) : []) {
    if (existsSync(join(top, name))) continue;
    await writeFile(join(top, name), content, { flag: 'wx' });
    say(`wrote ${name}`);
  }
  if (options.create !== undefined) {
    const path = resolve(options.create);
    const { objectFormat, gitDir } = project.repository;
    // If the code is pushed there, too, a clone of it has something to check out.
    const repository = await initBareRepository(path, { objectFormat, head: await headBranch(gitDir) });
    await setUpHook(repository);
    say(`made the shared repository ${path}, with its hook`);
    const beside = relative(top, path);
    // A path beside the project is written relative to it, so that the two can move together.
    writeConfig(join(top, '.dstackrc'), { remote: beside.startsWith('../') ? beside : path });
  } else if (options.remote !== undefined) {
    if (/^https?:\/\/[^/?#@]*:[^/?#]*@/i.test(options.remote)) {
      throw usageError(
        'password-in-url',
        'there is a password in this URL, and .dstackrc is part of every snapshot',
        'leave it out: Git takes it from a credential helper (`git help credentials`)',
      );
    }
    const { address, path } = await resolveRemote(options.remote, top);
    if (path !== null && !existsSync(path)) {
      throw usageError(
        'no-such-repository',
        `there is nothing at ${address}`,
        `make it: dstack init --create ${options.remote}`,
      );
    }
    writeConfig(join(top, '.dstackrc'), { remote: options.remote });
  }
  if (options.create !== undefined || options.remote !== undefined) say('wrote the remote into .dstackrc');
  const shared = options.create !== undefined || options.remote !== undefined;
  const workflow = fresh ? 'hello' : 'WORKFLOW';
  say(
    shared
      ? `next: dstack run ${workflow}, and a runner: dstack runner start`
      : `next: dstack run ${workflow} --local`,
  );
}
