import { useState } from 'preact/hooks';
import type { JobView } from '../../ledger/state.ts';
import { formatBytes } from '../../tui/duration.ts';
import type { ArtifactLine, ArtifactsAnswer } from '../answer-types.ts';
import { Preview } from './preview.tsx';
import { Scrolled } from './scrolled.tsx';
import { useAnswer, useSource } from './use-answer.ts';
import { useRowKeys } from './use-row-keys.ts';
import { Failure, plural, Waiting } from './words.tsx';

/** Bytes of a file that a browser is given to keep: it holds all of it before it writes. */
const mostDownloaded = 512 << 20;

/** What a job has left: a list, and beside it what is in the file that was chosen. */
export function ArtifactsPanel({ run, job, pruned }: { run: string; job: JobView; pruned: string | null }) {
  const { answer, error } = useAnswer<ArtifactsAnswer>(['artifacts', run, job.name], job.state);
  const [chosen, setChosen] = useState<string | null>(null);
  const [filter, setFilter] = useState('');
  const frame = useRowKeys('file');
  if (error) return <Failure error={error} />;
  if (!answer) return <Waiting what="Reading the list" />;
  if (answer.entries.length === 0)
    return <p class="quiet">It has left nothing{job.artifacts ? '' : ' yet'}.</p>;
  const shown = answer.entries.filter(({ path }) => path.toLowerCase().includes(filter.toLowerCase()));
  const entry = answer.entries.find(({ path, type }) => path === chosen && type === 'file');
  return (
    <section aria-label="Artifacts">
      <div class="bar">
        <label class="grow">
          <span class="hidden">Filter the files</span>
          <input
            type="search"
            placeholder="Filter the files"
            value={filter}
            onInput={(event) => setFilter(event.currentTarget.value)}
          />
        </label>
        <span class="quiet">
          {plural(answer.files, 'file')}, {formatBytes(answer.bytes)}
          {answer.files > answer.entries.length ? `; the first ${answer.entries.length} are listed` : ''}
        </span>
      </div>
      {pruned === null ? null : (
        <p class="failure">
          It was pruned on {pruned.slice(0, 10)}: only the list is left. <code>dstack rerun {run}</code> makes
          it anew.
        </p>
      )}
      <div class="files">
        <Scrolled label="Files" frame={frame}>
          <ul class="tree">
            {shown.map((one) => (
              <li key={one.path}>
                <FileLine line={one} isChosen={one.path === chosen} choose={() => setChosen(one.path)} />
              </li>
            ))}
          </ul>
        </Scrolled>
        {entry ? <FilePanel key={entry.path} run={run} job={job.name} entry={entry} /> : null}
      </div>
    </section>
  );
}

function FileLine(props: { line: ArtifactLine; isChosen: boolean; choose: () => void }) {
  const { line, isChosen, choose } = props;
  if (line.type !== 'file')
    return (
      <span class="file quiet">
        {line.path}
        {line.type === 'folder' ? '/' : ` → ${line.target}`}
      </span>
    );
  return (
    <button type="button" class="file" data-row aria-pressed={isChosen} onClick={choose}>
      <span class="path">{line.path}</span> <span class="quiet">{formatBytes(line.size ?? 0)}</span>
    </button>
  );
}

function FilePanel({ run, job, entry }: { run: string; job: string; entry: ArtifactLine }) {
  return (
    <section class="preview" aria-label={entry.path}>
      <div class="bar">
        <strong class="grow path">{entry.path}</strong>
        <Download run={run} job={job} entry={entry} />
      </div>
      <Preview run={run} job={job} entry={entry} />
    </section>
  );
}

function Download({ run, job, entry }: { run: string; job: string; entry: ArtifactLine }) {
  const source = useSource();
  const [state, setState] = useState<'idle' | 'reading' | Error>('idle');
  const name = entry.path.split('/').at(-1) as string;
  if (!source.isLive) {
    if (!entry.file) return <span class="quiet">left out of the export: too large</span>;
    return (
      <a class="button" href={entry.file} download={name}>
        Download
      </a>
    );
  }
  if ((entry.size ?? 0) > mostDownloaded)
    return (
      <code>
        dstack artifacts download {run}/{job}
      </code>
    );
  const download = async () => {
    setState('reading');
    try {
      const { url, release } = await source.file(run, job, entry.path, 'application/octet-stream');
      const link = document.createElement('a');
      Object.assign(link, { href: url, download: name });
      link.click();
      window.setTimeout(release, 60_000);
      setState('idle');
    } catch (error) {
      setState(error as Error);
    }
  };
  return (
    <>
      {state instanceof Error ? <Failure error={state} /> : null}
      <button type="button" onClick={() => void download()} disabled={state === 'reading'}>
        Download
      </button>
    </>
  );
}
