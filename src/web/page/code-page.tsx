import type { CodeAnswer } from '../answer-types.ts';
import { PatchView } from './patch-view.tsx';
import { useAnswer } from './use-answer.ts';
import { Fact, Facts, Failure, Trail, Waiting } from './words.tsx';

/** The code of a run: its commit, and what of it was not committed. */
export function CodePage({ name }: { name: string }) {
  const { answer, error } = useAnswer<CodeAnswer>(['code', name]);
  return (
    <main>
      <Trail
        parts={[
          ['Runs', []],
          [name, ['run', name]],
          ['code', ['code', name]],
        ]}
      />
      <h1>Code of {name}</h1>
      {error ? <Failure error={error} /> : null}
      {!answer && !error ? <Waiting what="Reading the code" /> : null}
      {answer ? (
        <>
          <Facts>
            <Fact name="Snapshot">
              <span class="code">{answer.commit}</span>
            </Fact>
            <Fact name="On top of">
              {answer.base ? <span class="code">{answer.base}</span> : 'no commit'}
            </Fact>
            <Fact name="To have it">
              <code>dstack checkout {name}</code>
            </Fact>
          </Facts>
          <h2>What was not committed</h2>
          <PatchView patch={answer.patch} cut={answer.cut} none="Nothing: the snapshot is that commit." />
        </>
      ) : null}
    </main>
  );
}
