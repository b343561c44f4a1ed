import { differencesText } from '../../tui/differences-text.ts';
import type { DiffAnswer } from '../answer-types.ts';
import { PatchView } from './patch-view.tsx';
import { linkTo } from './route.ts';
import { Scrolled } from './scrolled.tsx';
import { useAnswer } from './use-answer.ts';
import { Failure, Trail, Waiting } from './words.tsx';

/** What differs between two runs: code, inputs, outcomes. */
export function DiffPage({ before, after, version }: { before: string; after: string; version: string }) {
  const { answer, error } = useAnswer<DiffAnswer>(['diff', before, after], version);
  return (
    <main>
      <Trail
        parts={[
          ['Runs', []],
          [`${before} and ${after}`, ['compare', `${before},${after}`]],
          ['differences', []],
        ]}
      />
      <h1>
        <a href={linkTo(['run', before])}>{before}</a> <span aria-hidden="true">→</span>{' '}
        <a href={linkTo(['run', after])}>{after}</a>
      </h1>
      {error ? <Failure error={error} /> : null}
      {!answer && !error ? <Waiting what="Comparing them" /> : null}
      {answer ? <Differences answer={answer} before={before} after={after} /> : null}
    </main>
  );
}

function Differences({ answer, before, after }: { answer: DiffAnswer; before: string; after: string }) {
  const { jobs, bases } = answer;
  const inputs = jobs.filter(({ differences }) => differences.length > 0);
  const outcomes = jobs.flatMap(({ name, changes }) => changes.map((change) => ({ name, ...change })));
  return (
    <>
      <h2>Outcomes</h2>
      {outcomes.length === 0 ? (
        <p class="quiet">The same.</p>
      ) : (
        <Scrolled label="Outcomes">
          <table>
            <thead>
              <tr>
                <th>Job</th>
                <th>What</th>
                <th class="number">{before}</th>
                <th class="number">{after}</th>
                <th class="number">Change</th>
              </tr>
            </thead>
            <tbody>
              {outcomes.map(({ name, what, before: was, after: is, change }, index) => (
                <tr key={`${name} ${what}`}>
                  <td>{outcomes[index - 1]?.name === name ? '' : name}</td>
                  <td>{what}</td>
                  <td class="number">{was || '–'}</td>
                  <td class="number">{is || '–'}</td>
                  <td class="number">{change}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scrolled>
      )}
      <h2>Inputs</h2>
      {inputs.length === 0 ? <p class="quiet">The same.</p> : null}
      {inputs.map(({ name, differences }) => (
        <section key={name}>
          <h3>{name}</h3>
          <Scrolled label={`Inputs of ${name}`} class="block">
            <pre>{differencesText(differences, '')}</pre>
          </Scrolled>
        </section>
      ))}
      <h2>Code</h2>
      {bases.before === bases.after ? null : (
        <p class="quiet">
          On top of {bases.before?.slice(0, 10) ?? 'no commit'} and {bases.after?.slice(0, 10) ?? 'no commit'}
          .
        </p>
      )}
      <PatchView patch={answer.patch} cut={answer.cut} none="The same." />
    </>
  );
}
