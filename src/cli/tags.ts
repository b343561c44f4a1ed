import { checkName } from '../ledger/names.ts';
import { listTags, setTag } from '../ledger/tags.ts';
import { plainText } from '../terminal-text.ts';
import { prunedNotices } from './explain-pruned.ts';
import { locateRun } from './open-state.ts';
import { openLedgers, openProject } from './project.ts';
import { printJson, say, warn } from './terminal.ts';

export async function tag(run: string, name: string): Promise<void> {
  checkName('tag', name);
  const found = await locateRun(await openProject(), run);
  await setTag(found.ledger, name, found.run.commit);
  say(`${name} keeps ${found.run.name}`);
  const jobs = found.run.jobs.map((job) => job.name);
  for (const notice of await prunedNotices(found.ledger, found.run.name, jobs)) warn(notice);
}

export async function untag(name: string): Promise<void> {
  checkName('tag', name);
  const ledgers = await openLedgers(await openProject());
  for (const ledger of ledgers) {
    const tags = await listTags(ledger);
    if (!tags.has(name) && ledger !== ledgers.at(-1)) continue;
    await setTag(ledger, name, null);
    say(`${name} keeps ${plainText(tags.get(name)?.message.run ?? 'a run')} no longer`);
    return;
  }
}

export async function tags(options: { json?: true }): Promise<void> {
  const ledgers = await openLedgers(await openProject());
  const all = (await Promise.all(ledgers.map(listTags))).flatMap((found) => [...found.values()]);
  if (options.json) {
    printJson(
      all.map(({ tag: name, commit, message }) => ({
        tag: name,
        run: message.run,
        workflow: message.workflow,
        commit,
      })),
    );
    return;
  }
  if (all.length === 0) say('there are no tags; `dstack tag RUN TAG` makes one');
  for (const { tag: name, message } of all)
    process.stdout.write(`${name}  ${message.run}  ${plainText(message.workflow)}\n`);
}
