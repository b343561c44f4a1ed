import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { workflowHelp } from '../language/workflow-help.ts';
import { knownNames } from '../ledger/known-names.ts';
import { resolveRemote } from '../ledger/shared-repository.ts';
import { plainText } from '../terminal-text.ts';
import { type Candidate, completionCandidates, type Knowledge } from './completion-candidates.ts';
import { localLedgerPath, openProject, type Project, remoteOf } from './project.ts';
import { readWorkflows } from './workflow-files.ts';

/** For the scripts of `dstack completion`: prints `WORD<tab>DESCRIPTION` for each word that may come next. */
export async function complete(words: readonly string[], program: Command): Promise<void> {
  const candidates = await completionCandidates(program, words, projectKnowledge());
  const lines = candidates.map(({ word, about }) => `${plainText(word)}\t${plainText(about.trim())}\n`);
  process.stdout.write(lines.join(''));
}

function projectKnowledge(): Knowledge {
  let project: Promise<Project> | undefined;
  let names: ReturnType<typeof knownNames> | undefined;
  const open = () => {
    project ??= openProject();
    return project;
  };
  // Somebody is in the middle of a line: what is wrong is no answer to that, and shows when it is run.
  const quietly = async (look: () => Promise<Candidate[]>) => look().catch(() => []);
  const namesHere = async () => {
    names ??= namesOnThisMachine(await open());
    return names;
  };
  const words = { runs: 'run', jobs: 'job', tags: 'tag' };
  const known = (kind: keyof typeof words, start?: string) =>
    quietly(async () => {
      const names = await namesHere();
      const archived = start === undefined ? [] : await names.archived(start);
      return [...new Set([...names[kind], ...archived])].map((word) => ({ word, about: words[kind] }));
    });
  return {
    workflows: () =>
      quietly(async () => {
        const { workflows } = await readWorkflows(await open());
        return [...workflows.values()].map(({ name, help }) => ({
          word: name.text,
          about: help ?? 'workflow',
        }));
      }),
    variables: ({ workflow, run }) =>
      quietly(async () => {
        // Those of a run are in its own files, which may be elsewhere; they are mostly the same.
        const name = workflow ?? (run === undefined ? null : await (await namesHere()).workflowOf(run));
        if (name === null) return [];
        const { workflows, variables } = await readWorkflows(await open());
        return workflowHelp(workflows, variables, name).variables.map(({ option, default: value }) => ({
          word: option,
          about: `default: ${value}`,
        }));
      }),
    runs: (start) => known('runs', start),
    jobs: (start) => known('jobs', start),
    tags: () => known('tags'),
  };
}

async function namesOnThisMachine(project: Project): ReturnType<typeof knownNames> {
  const remote = await remoteOf(project);
  const shared = remote && (await resolveRemote(remote.remote, project.folder)).path;
  const folders = [project.repository.gitDir, localLedgerPath(project), ...(shared ? [shared] : [])];
  const bare = folders.map((folder) => (existsSync(join(folder, '.git')) ? join(folder, '.git') : folder));
  const there = bare.filter((folder) => existsSync(join(folder, 'HEAD')));
  return knownNames(
    there.map((gitDir) => ({ gitDir, objectFormat: project.repository.objectFormat })),
    project.config.refPrefix,
  );
}
