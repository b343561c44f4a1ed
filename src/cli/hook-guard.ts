import { userInfo } from 'node:os';
import { resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { usageError } from '../errors.ts';
import { isObjectId } from '../git/repository.ts';
import type { Update } from '../ledger/guard/change.ts';
import { checkPush, type Fault } from '../ledger/guard/check-push.ts';
import { openPushedObjects } from '../ledger/guard/objects.ts';
import { pusher, rolesOf } from '../ledger/guard/roles.ts';
import { refNames } from '../ledger/refs.ts';
import { plainText } from '../terminal-text.ts';
import { readRepositorySettings } from './repository-settings.ts';

/** More would scroll what matters away. */
const mostShown = 10;

/** What the `pre-receive` hook asks, with Git's description of the push as its input; exit code 1 refuses all of it. */
export async function guardPush(): Promise<void> {
  const { GIT_DIR } = process.env;
  if (GIT_DIR === undefined) {
    throw usageError(
      'not-in-a-hook',
      '`dstack hook guard` is called by the pre-receive hook of a shared repository, not by people',
      'put it in place with `dstack hook install --guard PATH`',
    );
  }
  const gitDir = resolve(GIT_DIR);
  const updates = parseUpdates(await text(process.stdin));
  const { prefix, patterns, ignoresCase } = await readRepositorySettings(gitDir);
  const user = pusher(process.env, userInfo().username);
  const names = refNames(prefix);
  const objects = openPushedObjects(gitDir, names.prefix, quarantine());
  try {
    const who = { user, roles: rolesOf(user, patterns) };
    const faults = await checkPush(updates, names, objects, who, ignoresCase);
    if (faults.length === 0) return;
    process.stderr.write(describe(faults));
    process.exitCode = 1;
  } finally {
    objects.close();
  }
}

/** Where Git keeps the objects of a push until the hook has had its say. */
function quarantine(): Record<string, string> {
  const names = ['GIT_QUARANTINE_PATH', 'GIT_OBJECT_DIRECTORY', 'GIT_ALTERNATE_OBJECT_DIRECTORIES'];
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

function parseUpdates(input: string): Update[] {
  return input
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const [from = '', to = '', ...rest] = line.split(' ');
      return {
        ref: rest.join(' '),
        from: isObjectId(from) ? from : null,
        to: isObjectId(to) ? to : null,
      };
    });
}

function describe(faults: readonly Fault[]): string {
  const shown = faults.slice(0, mostShown).map(({ ref, words }) => `dstack: ${ref}: ${words}`);
  const hints = new Set(faults.flatMap(({ hint }) => (hint === undefined ? [] : [`dstack: ${hint}`])));
  const more = faults.length > mostShown ? [`dstack: and ${faults.length - mostShown} more`] : [];
  return [...shown, ...more, ...hints].map((line) => `${plainText(line)}\n`).join('');
}
