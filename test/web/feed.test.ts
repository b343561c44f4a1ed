import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { LedgerState, RunView } from '../../src/ledger/state.ts';
import type { FeedLine } from '../../src/web/answer-types.ts';
import { openFeed } from '../../src/web/feed.ts';

type Tags = ReadonlyMap<string, readonly string[]>;
type Listener = Parameters<Parameters<typeof openFeed>[0]['subscribe']>[0];

function run(name: string, more: Partial<RunView> = {}): RunView {
  return {
    ...{
      name,
      commit: '0'.repeat(40),
      workflow: 'train',
      variables: {},
      submittedAt: '2026-01-01T00:00:00Z',
    },
    ...{ submittedBy: 'Ann <ann@example.org>', reason: null, jobs: [], state: 'running', startedAt: null },
    ...{ finishedAt: null, ...more },
  };
}

const state = (...runs: RunView[]): LedgerState => ({ runs, runners: [], archived: 3 });

/** A source whose readings the test decides on, and a feed of it. */
function begin(tags: Tags | Promise<Tags> = new Map()) {
  let listener: Listener | null = null;
  let looks = 0;
  const feed = openFeed(
    {
      subscribe(given) {
        listener = given;
        return () => {
          listener = null;
        };
      },
      hurry() {
        looks += 1;
      },
    },
    { tags: async () => tags },
  );
  const read = async (reading: Parameters<Listener>[0]) => {
    await (listener?.(reading) as unknown);
  };
  return { feed, read, isRead: () => listener !== null, looks: () => looks };
}

/** Keeps what is told, and takes it unless told otherwise. */
function page(takes = () => true) {
  const lines: FeedLine[] = [];
  return {
    lines,
    listener: (line: FeedLine) => {
      if (takes()) lines.push(line);
      return takes();
    },
  };
}

const names = (line: FeedLine | undefined) => line?.runs.map(({ name }) => name);

test('a page is told all there is, then only what has changed or gone', async () => {
  const { feed, read } = begin(new Map([['a', ['best']]]));
  const { lines, listener } = page();
  feed.subscribe(listener);
  assert.is(lines[0]?.readAt, null);
  await read({ state: state(run('a'), run('b'), run('c')), error: null, readAt: 1 });
  assert.equal(names(lines[1]), ['a', 'b', 'c']);
  assert.equal(lines[1]?.runs[0]?.tags, ['best']);
  await read({ state: state(run('a'), run('b', { state: 'done' })), error: null, readAt: 2 });
  assert.equal([names(lines[2]), lines[2]?.gone], [['b'], ['c']]);
  await read({ state: state(run('a'), run('b', { state: 'done' })), error: null, readAt: 3 });
  assert.equal([names(lines[3]), lines[3]?.gone, lines[3]?.readAt], [[], [], 3]);
});

test('a lost connection is told with how old everything is', async () => {
  const { feed, read } = begin();
  const { lines, listener } = page();
  feed.subscribe(listener);
  await read({ state: state(run('a')), error: null, readAt: 5 });
  await read({ state: null, error: 'unreachable', readAt: 5 });
  await read({ state: state(run('a')), error: 'unreachable', readAt: 5 });
  const last = lines.at(-1);
  assert.equal([last?.error, last?.readAt, last?.gone], ['unreachable', 5, []]);
});

test('tags that come late cover nothing that was read meanwhile', async () => {
  let come = (_: Tags) => {};
  const late = new Promise<Tags>((resolve) => {
    come = resolve;
  });
  const { feed, read } = begin(late);
  const { lines, listener } = page();
  feed.subscribe(listener);
  const first = read({ state: state(run('a')), error: null, readAt: 1 });
  await read({ state: state(run('a')), error: 'unreachable', readAt: 1 });
  assert.is(lines.at(-1)?.error, 'unreachable');
  come(new Map([['a', ['best']]]));
  await first;
  const last = lines.at(-1);
  assert.equal([last?.error, last?.runs[0]?.tags], ['unreachable', ['best']]);
});

test('who can’t take a line now is told later, all at once', async () => {
  const { feed, read } = begin();
  let takes = true;
  const { lines, listener } = page(() => takes);
  feed.subscribe(listener);
  takes = false;
  await read({ state: state(run('a')), error: null, readAt: 1 });
  await read({ state: state(run('b'), run('a')), error: null, readAt: 2 });
  takes = true;
  await read({ state: state(run('b')), error: null, readAt: 3 });
  assert.is(lines.length, 2);
  assert.equal([names(lines[1]), lines[1]?.gone], [['b'], []]);
});

test('several pages share one reading, and without any there is none', async () => {
  const { feed, read, isRead, looks } = begin();
  const [one, two] = [page(), page()];
  const endOne = feed.subscribe(one.listener);
  await read({ state: state(run('a')), error: null, readAt: 1 });
  assert.is(looks(), 0);
  const endTwo = feed.subscribe(two.listener);
  // What there was may be of a while ago.
  assert.is(looks(), 1);
  assert.equal(names(two.lines[0]), ['a']);
  endOne();
  assert.ok(isRead());
  endTwo();
  assert.not(isRead());
});

test.run();
