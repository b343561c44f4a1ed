import { useMemo, useState } from 'preact/hooks';
import { type PatchFile, patchFiles } from './patch-files.ts';
import { Scrolled } from './scrolled.tsx';
import { plural } from './words.tsx';

/** Lines of a file that are shown at first. */
const mostLines = 1_000;
/** More files are closed at first. */
const mostOpen = 20;

/** Differences in code, file by file. */
export function PatchView({ patch, cut, none }: { patch: string; cut: boolean; none: string }) {
  const files = useMemo(() => patchFiles(patch), [patch]);
  if (files.length === 0) return <p class="quiet">{none}</p>;
  const sum = (key: 'added' | 'removed') => files.reduce((total, file) => total + file[key], 0);
  return (
    <section aria-label="Code">
      <p class="quiet">
        {plural(files.length, 'file')}, {plural(sum('added'), 'line')} added, {plural(sum('removed'), 'line')}{' '}
        removed
        {cut ? '; the rest is too long to be shown' : ''}
      </p>
      {files.map((file, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: files of a patch don't move
        <FilePatch key={index} file={file} isOpen={files.length <= mostOpen} />
      ))}
    </section>
  );
}

function FilePatch({ file, isOpen }: { file: PatchFile; isOpen: boolean }) {
  const [open, setOpen] = useState(isOpen);
  const [all, setAll] = useState(false);
  const shown = all ? file.lines : file.lines.slice(0, mostLines);
  return (
    <details class="patch" open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <span class="path">{file.path}</span> <span class="added">+{file.added}</span>{' '}
        <span class="removed">−{file.removed}</span>
      </summary>
      {open ? (
        <Scrolled label={`Differences of ${file.path}`} class="patch-lines">
          <div class="patch-width">
            {shown.map(({ kind, text }, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: lines of a patch don't move
              <div key={index} class={`patch-line ${kind}`}>
                {text || ' '}
              </div>
            ))}
          </div>
          {shown.length < file.lines.length ? (
            <button type="button" onClick={() => setAll(true)}>
              {plural(file.lines.length - shown.length, 'more line')}
            </button>
          ) : null}
        </Scrolled>
      ) : null}
    </details>
  );
}
