import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { TestProject } from '../../e2e/project.ts';
import { alternate } from '../alternate.ts';
import { quiet, timed, timedDstack, withBenchProject } from '../bench-project.ts';
import {
  atMostAbove,
  atMostTimes,
  type Benchmark,
  type BenchOptions,
  both,
  type Row,
  rounds,
  rowOf,
  scaled,
} from '../benchmark.ts';
import { commitFiles } from '../tree-of-files.ts';

const workflows = 'workflows: [{name: noop, commands: ["true"]}]\n';

/** What `dstack run -d` cannot do without, as a person would do it by hand. */
const bareCommands = `set -e
cp .git/index "$TMP_INDEX"
export GIT_INDEX_FILE="$TMP_INDEX"
git add -A
tree=$(git write-tree)
commit=$(git commit-tree "$tree" -p HEAD -m "run $1")
git push --quiet --no-verify ../shared.git "$commit:refs/dstack/runs/$1"
`;

/** The same from Node, and nothing else: what any program on it takes at least. */
const fromNode = `const { spawn } = require('node:child_process');
require('node:fs').copyFileSync('.git/index', process.env.TMP_INDEX);
const env = { ...process.env, GIT_INDEX_FILE: process.env.TMP_INDEX };
const git = (...args) => new Promise((resolve, reject) => {
  let text = '';
  const child = spawn('git', args, { env, stdio: ['ignore', 'pipe', 'ignore'] });
  child.stdout.on('data', (more) => { text += more; });
  child.on('close', (code) => (code === 0 ? resolve(text.trim()) : reject(new Error(args.join(' ')))));
});
const [, name] = process.argv;
git('add', '-A')
  .then(() => git('write-tree'))
  .then((tree) => git('commit-tree', tree, '-p', 'HEAD', '-m', \`run \${name}\`))
  .then((commit) => git('push', '--quiet', '--no-verify', '../shared.git', \`\${commit}:refs/dstack/runs/\${name}\`));
`;

export const submit: Benchmark = {
  name: 'submit',
  about: 'how long `dstack run --detach` takes',
  async run(options) {
    return [...(await submitting(options, 10_000, 20)), ...(await submitting(options, 100_000, 10))];
  },
};

async function submitting(options: BenchOptions, usual: number, times: number): Promise<Row[]> {
  const files = scaled(options, usual, 100);
  return withBenchProject(workflows, (ours) =>
    withBenchProject(workflows, async (theirs) => {
      for (const project of [ours, theirs]) await commitFiles(project, files);
      options.say(`${files} files`);
      const before = async (project: TestProject) => {
        await quiet(ours);
        await quiet(theirs);
        change(project);
      };
      const bare = async (command: readonly string[]) => {
        await before(theirs);
        return timed(command, {
          cwd: theirs.folder,
          env: { ...theirs.env, TMP_INDEX: path.join(theirs.root, 'index') },
        });
      };
      const taken = await alternate(
        {
          async dstack() {
            await before(ours);
            return timedDstack(ours, 'run', 'noop', '--detach', '--no-cache');
          },
          git: (round) => bare(['sh', '-c', bareCommands, 'sh', `bare-${round}`]),
          node: (round) => bare([process.execPath, '-e', fromNode, `node-${round}`]),
        },
        rounds(options, times),
      );
      const of = `${files.toLocaleString('en')} files, 5 changed, 2 untracked`;
      const against = { what: 'the bare Git commands in a shell script', values: taken.git };
      return [
        rowOf({
          what: `\`dstack run --detach\`, ${of}`,
          unit: 'ms',
          measured: taken.dstack,
          against,
          aim: both(atMostTimes(1.5), atMostAbove(150, '150 ms')),
        }),
        rowOf({ what: `the bare Git commands from Node, ${of}`, unit: 'ms', measured: taken.node, against }),
      ];
    }),
  );
}

/** Five files that Git has, and two that it has not, get new contents. */
function change(project: TestProject): void {
  const names = [...Array.from({ length: 5 }, (_, index) => `data/0/${index}`), 'new-1', 'new-2'];
  for (const name of names) writeFileSync(path.join(project.folder, name), randomBytes(600).toString('hex'));
}
