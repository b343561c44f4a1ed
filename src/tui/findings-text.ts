import type { Finding } from '../ledger/host-findings.ts';
import { plainText } from '../terminal-text.ts';
import type { Colour } from './colours.ts';
import { formatTable } from './table.ts';

const colours: Readonly<Record<Finding['effect'], Colour>> = {
  none: 'green',
  limits: 'yellow',
  stops: 'red',
  unknown: 'gray',
};

/** A table of what a host allows, and under it what it has said itself. */
export function findingsText(findings: readonly Finding[], colour: boolean): string {
  const table = formatTable(
    [{ title: 'WHAT' }, { title: 'THERE' }, { title: 'FOR DSTACK' }],
    findings.map(({ what, allowed, effect, follows }) => [
      what,
      allowed === null ? '?' : allowed ? 'yes' : 'no',
      { text: follows, style: colours[effect] },
    ]),
    { colour },
  );
  const said = findings.flatMap(({ what, words }) =>
    words === null ? [] : [`${plainText(what)}: ${plainText(words)}\n`],
  );
  return said.length === 0 ? table : `${table}\n${said.join('')}`;
}
