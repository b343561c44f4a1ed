import { type HostSettings, hostAbilities } from './ledger.ts';
import { type HostFacts, isOfGuard } from './probe-host.ts';
import type { Answer } from './probe-refs.ts';
import { refNames } from './refs.ts';

/** One thing that was tried, and what follows from it for dstack. */
export interface Finding {
  readonly what: string;
  /** Null: that could not be found out. */
  readonly allowed: boolean | null;
  /** `limits`: dstack works, with what is said or without it; `stops`: it can't be used. */
  readonly effect: 'none' | 'limits' | 'stops' | 'unknown';
  readonly follows: string;
  /** What the host says: foreign text. */
  readonly words: string | null;
}

/** Settings by which a repository is used as its host allows. */
export interface HostLayout {
  readonly refPrefix: string;
  readonly host: HostSettings;
}

/** What follows from what a host does and doesn't. */
export function hostFindings(facts: HostFacts): Finding[] {
  const { greeting, prefix } = facts;
  if (greeting === null)
    return [
      finding(
        'it answers',
        { can: false, words: facts.failure?.words ?? null },
        { no: stops('nothing can be pushed or fetched') },
      ),
    ];
  const answers = [greeting.agent, `protocol ${greeting.protocol}`].filter(Boolean).join(', ');
  const first = [
    finding('it answers', { can: true, words: answers }, {}),
    finding(
      'lists by prefix',
      { can: greeting.protocol >= 2, words: null },
      {
        no: limits(
          'works with longer listings: every look is sent all refs; protocol 2 would not (an sshd needs `AcceptEnv GIT_PROTOCOL`)',
        ),
      },
    ),
    ...facts.refused.map(({ what, prefix: refused, words }) =>
      finding(
        `${what} under ${what === 'notes' ? refNames(refused).notes : refused}`,
        { can: false, words },
        {
          no:
            prefix !== null
              ? limits(`works with refPrefix: ${prefix}`)
              : isOfGuard(words)
                ? stops('its guard gives you no role (dstack.guard.submitter, dstack.guard.runner)')
                : stops('no ref can be pushed'),
        },
      ),
    ),
  ];
  if (prefix === null) return first;
  const { notes } = refNames(prefix);
  const taken = { can: true, words: null };
  return [
    ...first,
    finding(`refs under ${prefix}`, taken, {}),
    ...(notes.startsWith(`${prefix}/`) ? [] : [finding(`notes under ${notes}`, taken, {})]),
    finding('add commits', facts.append, { no: stops('no job could be brought to its end') }),
    finding('only create', facts.createOnly, { no: stops('two runners could have one job') }),
    finding('compare and swap', facts.swap, { no: stops('two runners could end one job') }),
    finding('rewind', facts.rewind, {
      no: limits('works with host.rewind: false; renewals add commits'),
    }),
    finding('delete', facts.delete, {
      no: limits('works with host.delete: false; what is gone stays as a small ref'),
    }),
    finding('atomic push', facts.atomic, { no: limits('works without: a run is submitted in two pushes') }),
    finding('fetch by id', facts.byId, {
      no: limits('works without, but for a runner that mends its damaged cache within a job'),
    }),
    ...facts.sizes.map(({ megabytes, ...answer }) =>
      finding(`push of ${megabytes} MB`, answer, { no: limits('works with smaller pushes') }),
    ),
  ];
}

/** The settings that differ from those in force. */
export function suggestedLayout(
  facts: HostFacts,
  now: HostLayout,
): { refPrefix?: string; host?: { rewind?: boolean; delete?: boolean } } {
  const { prefix } = facts;
  if (prefix === null) return {};
  const inForce = hostAbilities(refNames(prefix), now.host);
  const differing = (['rewind', 'delete'] as const).flatMap((ability) => {
    const { can } = facts[ability];
    return can === null || can === inForce[ability] ? [] : [[ability, can] as const];
  });
  return {
    ...(prefix === now.refPrefix ? {} : { refPrefix: prefix }),
    ...(differing.length === 0 ? {} : { host: Object.fromEntries(differing) }),
  };
}

type Consequence = Pick<Finding, 'effect' | 'follows'>;

const limits = (follows: string): Consequence => ({ effect: 'limits', follows });
const stops = (why: string): Consequence => ({ effect: 'stops', follows: `can't be used: ${why}` });

function finding(what: string, { can, words }: Answer, { no }: { no?: Consequence }): Finding {
  const consequence: Consequence =
    can === null
      ? { effect: 'unknown', follows: 'not found out' }
      : can || no === undefined
        ? { effect: 'none', follows: 'ok' }
        : no;
  return { what, allowed: can, ...consequence, words };
}
