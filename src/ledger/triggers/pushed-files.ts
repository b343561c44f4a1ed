import { DstackError } from '../../errors.ts';
import { peelToCommit } from '../../git/branches.ts';
import { fetchRefs } from '../../git/fetch.ts';
import { parseCommit } from '../../git/object-reader.ts';
import { decodePath } from '../../git/raw-path.ts';
import { listRefs, setRefs } from '../../git/refs.ts';
import { listFolder } from '../../git/trees.ts';
import { projectFiles } from '../../language/project-files.ts';
import type { Source } from '../../language/source.ts';
import { plainText } from '../../terminal-text.ts';
import type { Ledger } from '../ledger.ts';
import { unreachable } from '../shared-repository.ts';

/** A commit that was pushed, whose files are in the local repository. */
export interface PushedCommit {
  readonly id: string;
  readonly tree: string;
  /** Who says that he made it; who pushed it nobody knows. */
  readonly committer: { readonly name: string; readonly email: string };
}

/** A ledger whose local repository takes in what is pushed. */
export interface PushLedger extends Ledger {
  /** Fetches into it one after the other, where others do so, too. */
  readonly inTurn?: <T>(act: () => Promise<T>) => Promise<T>;
}

/** What is read of a commit: text, not yet understood. */
export interface ProjectTexts {
  readonly workflows: readonly Source[];
  readonly variables: Source | null;
}

/** Pushed commits that are kept, so that the next one transfers only what changed. */
const kept = 20;
const area = 'refs/pushed';
/** All files together; the language takes less. */
const mostBytes = 4 * 1024 * 1024;

/**
 * Brings what was pushed into the local repository, without the history behind it.
 * @returns null if it isn't there any more, or is a tag on something that is no commit
 * @throws DstackError `unreachable` and the like
 */
export async function obtainPushed(ledger: PushLedger, id: string): Promise<PushedCommit | null> {
  const { local } = ledger.shared;
  const { inTurn = (act) => act() } = ledger;
  if (!(await inTurn(() => bring(ledger, id)))) return null;
  const commit = await peelToCommit(local.gitDir, id);
  const object = commit === null ? null : await ledger.shared.read(commit);
  if (commit === null || object?.type !== 'commit') return null;
  return { id: commit, tree: parseCommit(object.content).tree, committer: committerOf(object.content) };
}

async function bring({ shared, clock }: Ledger, id: string): Promise<boolean> {
  const { local } = shared;
  // In the shared repository itself, whose hook has called.
  if (shared.path === local.commonDir) return true;
  // A fetch moves its ref only once everything has arrived.
  const refs = await listRefs(local.gitDir, [area]);
  if ([...refs.values()].includes(id)) return true;
  const ref = `${area}/${clock.now()}-${id}`;
  const failure = await fetchRefs(local, shared.remote, [`+${id}:${ref}`], { depth: 1 });
  if (
    failure &&
    /not our ref|unadvertised object|no such remote ref|couldn't find remote ref/i.test(failure.words)
  )
    return false;
  if (failure) throw unreachable(shared.location, failure);
  const old = [...refs.keys()].sort().slice(0, -kept);
  await setRefs(local.gitDir, new Map(old.map((name) => [name, null])));
  return true;
}

function committerOf(content: Buffer): PushedCommit['committer'] {
  const text = content.toString('utf8');
  const match = /^committer (.*?) ?<(.*)> \d+ [+-]\d+$/m.exec(text.slice(0, text.indexOf('\n\n')));
  const name = plainText(match?.[1] ?? '').trim();
  // Git refuses a name without a letter.
  return { name: /[\p{L}\p{N}]/u.test(name) ? name : 'unknown', email: plainText(match?.[2] ?? '').trim() };
}

/**
 * The workflows of a commit and their variables, as texts; null if it has none.
 * @throws DstackError `files-too-large`
 */
export async function readProjectTexts(ledger: Ledger, commit: string): Promise<ProjectTexts | null> {
  const files = (await listFolder(ledger.shared.local, commit, '.dstack')).map(({ path, bytes }) => ({
    path: decodePath(path),
    bytes,
  }));
  const { workflows, variables } = projectFiles(files.map(({ path }) => path));
  const read = new Set([...workflows, ...(variables === null ? [] : [variables])]);
  const bytes = files.reduce((sum, file) => sum + (read.has(file.path) ? file.bytes : 0), 0);
  if (workflows.length === 0) return null;
  if (bytes > mostBytes) {
    throw new DstackError(
      'files-too-large',
      `the files of .dstack have ${bytes} bytes, ${mostBytes} are the limit`,
      { hint: 'keep only workflows and variables there' },
    );
  }
  const source = async (path: string): Promise<Source> => {
    const blob = await ledger.shared.read(`${commit}:${path}`);
    return { path, text: blob?.type === 'blob' ? blob.content.toString('utf8') : '' };
  };
  return {
    workflows: await Promise.all(workflows.map(source)),
    variables: variables === null ? null : await source(variables),
  };
}
