import Papa from 'papaparse';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { formatBytes } from '../../tui/duration.ts';
import type { ArtifactLine, TextAnswer } from '../answer-types.ts';
import { previewKind } from '../preview-kinds.ts';
import { JsonTree } from './json-tree.tsx';
import { Scrolled } from './scrolled.tsx';
import { useAnswer, useSource } from './use-answer.ts';
import { Failure, plural, Waiting } from './words.tsx';

/** Bytes of an image that are drawn. */
const largestImage = 32 << 20;
/** Rows of a table, columns of it. */
const mostRows = 500;
const mostColumns = 100;

interface FileOfJob {
  readonly run: string;
  readonly job: string;
  readonly entry: ArtifactLine;
}

/** What is in a file. It is foreign: drawn as an image, or as text, and never as a page. */
export function Preview({ run, job, entry }: FileOfJob) {
  const kind = previewKind(entry.path);
  if (kind.kind === 'image') return <Picture run={run} job={job} entry={entry} type={kind.type} />;
  return <TextPreview run={run} job={job} entry={entry} kind={kind.kind} />;
}

function Picture({ run, job, entry, type }: FileOfJob & { type: string }) {
  const source = useSource();
  const [shown, setShown] = useState<{ url: string } | Error | null>(null);
  const isTooLarge = (entry.size ?? 0) > largestImage;
  useEffect(() => {
    if (isTooLarge) return;
    let left = false;
    let release = () => {};
    source.file(run, job, entry.path, type).then(
      (file) => {
        release = file.release;
        if (left) release();
        else setShown(file);
      },
      (error: Error) => !left && setShown(error),
    );
    return () => {
      left = true;
      release();
    };
  }, [source, run, job, entry.path, type]);
  if (isTooLarge) return <p class="quiet">It is too large to be shown.</p>;
  if (shown === null) return <Waiting what="Reading the image" />;
  if (shown instanceof Error) return <Failure error={shown} />;
  return (
    <img
      class="picture"
      src={shown.url}
      alt={entry.path}
      onError={() => setShown(new Error('This is no image that the browser can draw.'))}
    />
  );
}

function TextPreview({ run, job, entry, kind }: FileOfJob & { kind: 'csv' | 'json' | 'lines' | 'text' }) {
  const { answer, error } = useAnswer<TextAnswer>(['text', run, job, entry.path]);
  if (error) return <Failure error={error} />;
  if (!answer) return <Waiting what="Reading the file" />;
  const { text, cut, size } = answer;
  if (text === null) return <p class="quiet">It is no text.</p>;
  if (text === '') return <p class="quiet">It is empty.</p>;
  return (
    <>
      {cut ? <p class="quiet">The beginning of {formatBytes(size)}:</p> : null}
      <TextAs text={text} cut={cut} kind={kind} path={entry.path} />
    </>
  );
}

function TextAs(props: {
  text: string;
  cut: boolean;
  kind: 'csv' | 'json' | 'lines' | 'text';
  path: string;
}) {
  const { text, cut, kind, path } = props;
  const values = useMemo(
    () => (kind === 'json' || kind === 'lines' ? parsed(text, kind, cut) : null),
    [text, kind],
  );
  if (kind === 'csv') return <Table text={text} path={path} cut={cut} />;
  if (values === null) return <Plain text={text} />;
  return (
    <Scrolled label={`Contents of ${path}`} class="frame block">
      {values.map((value, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: values of a file don't move
        <JsonTree key={index} value={value} />
      ))}
    </Scrolled>
  );
}

/** Null: it is no JSON, or not whole. */
function parsed(text: string, kind: 'json' | 'lines', cut: boolean): unknown[] | null {
  try {
    if (kind === 'json') return [JSON.parse(text)];
    const lines = text.split('\n');
    // The last one may have been cut in the middle.
    return (cut ? lines.slice(0, -1) : lines)
      .filter((line) => line.trim() !== '')
      .slice(0, mostRows)
      .map((line) => JSON.parse(line));
  } catch {
    return null;
  }
}

function Plain({ text }: { text: string }) {
  return (
    <Scrolled label="Text" class="block">
      <pre>{text}</pre>
    </Scrolled>
  );
}

function Table({ text, path, cut }: { text: string; path: string; cut: boolean }) {
  const { head, rows, more } = useMemo(() => {
    const { data } = Papa.parse<string[]>(text, {
      skipEmptyLines: true,
      preview: mostRows + 2,
      delimiter: path.toLowerCase().endsWith('.tsv') ? '\t' : '',
    });
    const [first = [], ...others] = data.map((row) => row.slice(0, mostColumns));
    return { head: first, rows: others.slice(0, mostRows), more: others.length > mostRows || cut };
  }, [text, path, cut]);
  const numeric = head.map((_, column) => rows.every((row) => !Number.isNaN(Number(row[column] ?? ''))));
  return (
    <>
      <Scrolled label={`Contents of ${path}`}>
        <table>
          <thead>
            <tr>
              {head.map((title, column) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: columns of a file don't move
                <th key={column} class={numeric[column] ? 'number' : ''}>
                  {title || `column ${column + 1}`}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: rows of a file don't move
              <tr key={index}>
                {head.map((_, column) => (
                  // biome-ignore lint/suspicious/noArrayIndexKey: columns of a file don't move
                  <td key={column} class={numeric[column] ? 'number' : ''}>
                    {row[column]}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </Scrolled>
      {more ? <p class="quiet">The first {plural(rows.length, 'row')} are shown.</p> : null}
    </>
  );
}
