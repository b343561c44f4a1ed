import { useEffect, useMemo, useState } from 'preact/hooks';
import { formatAge } from '../../tui/duration.ts';
import { CodePage } from './code-page.tsx';
import { ComparePage } from './compare-page.tsx';
import { DiffPage } from './diff-page.tsx';
import { Help } from './help.tsx';
import { JobPage } from './job-page.tsx';
import { useKeys } from './keys.ts';
import { goTo, type Route, useRoute } from './route.ts';
import { RunPage } from './run-page.tsx';
import { type Marks, RunsPage } from './runs-page.tsx';
import type { Source } from './source.ts';
import { SourceContext } from './use-answer.ts';
import { type Standing, useFeed } from './use-feed.ts';
import { usePresence } from './use-presence.ts';
import { plural, useNow } from './words.tsx';

export function App({ source }: { source: Source }) {
  const standing = useFeed(source);
  usePresence(source);
  const route = useRoute();
  const marks = useMarks();
  useTitle(route);
  useKeys([{ keys: ['h'], does: 'all runs', run: () => goTo([]) }]);
  return (
    <SourceContext.Provider value={source}>
      <header>
        <a class="brand" href="#/">
          dstack
        </a>
        <Condition standing={standing} isLive={source.isLive} />
        <Help />
      </header>
      <Page route={route} standing={standing} marks={marks} />
    </SourceContext.Provider>
  );
}

function Page({ route, standing, marks }: { route: Route; standing: Standing; marks: Marks }) {
  const [kind, first, second, third] = route.words;
  const versionOf = (...runs: readonly string[]) =>
    runs.map((run) => standing.byName.get(run)?.version ?? '').join(' ');
  if (kind === 'run' && first) return <RunPage key={first} name={first} version={versionOf(first)} />;
  if (kind === 'code' && first) return <CodePage key={first} name={first} />;
  if (kind === 'job' && first && second)
    return (
      <JobPage
        key={`${first}/${second}`}
        run={first}
        job={second}
        panel={third ?? 'log'}
        version={versionOf(first)}
      />
    );
  if (kind === 'compare' && first) {
    const runs = first.split(',');
    return <ComparePage key={first} runs={runs} version={versionOf(...runs)} standing={standing} />;
  }
  if (kind === 'diff' && first && second)
    return <DiffPage before={first} after={second} version={versionOf(first, second)} />;
  return <RunsPage standing={standing} marks={marks} />;
}

/** How good what is shown is. */
function Condition({ standing, isLive }: { standing: Standing; isLive: boolean }) {
  const { error, readAt, runners } = standing;
  const now = useNow(error !== null);
  if (!isLive)
    return (
      <span class="condition quiet">exported {readAt === null ? '' : new Date(readAt).toLocaleString()}</span>
    );
  if (error !== null)
    return (
      <span class="condition lost" role="alert">
        {readAt === null ? '' : `as of ${formatAge(readAt, now)}: `}
        {error}
      </span>
    );
  return (
    <span class="condition quiet">
      {readAt === null ? 'reading …' : `live, ${runners === 0 ? 'no runner' : plural(runners, 'runner')}`}
    </span>
  );
}

function useMarks(): Marks {
  const [marked, setMarked] = useState<readonly string[]>([]);
  return useMemo(
    () => ({
      marked,
      toggle: (run) =>
        setMarked((before) =>
          before.includes(run) ? before.filter((one) => one !== run) : [...before, run],
        ),
      clear: () => setMarked([]),
    }),
    [marked],
  );
}

/** What a tab, and a browser's history, call this page. Focus that went with what was there before begins with it anew. */
function useTitle(route: Route): void {
  useEffect(() => {
    const [kind, ...names] = route.words;
    const what = names.slice(0, 2).join(kind === 'job' ? '/' : ' ');
    document.title = kind === undefined ? 'dstack' : `${what} – dstack`;
    const main = document.querySelector('main');
    if (!main || document.activeElement !== document.body) return;
    main.tabIndex = -1;
    main.focus({ preventScroll: true });
  }, [route]);
}
