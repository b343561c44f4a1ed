import { useEffect, useRef, useState } from 'preact/hooks';
import { activeBindings, useKeys } from './keys.ts';

const words: Readonly<Record<string, string>> = { ' ': 'Space', ArrowDown: '↓', ArrowUp: '↑', Escape: 'Esc' };

/** The keys that mean something here. */
export function Help() {
  const [open, setOpen] = useState(false);
  const dialog = useRef<HTMLDialogElement>(null);
  useKeys([{ keys: ['?'], does: 'this help', run: () => setOpen(true) }]);
  useEffect(() => {
    if (open) dialog.current?.showModal();
  }, [open]);
  return (
    <>
      <button type="button" class="plain" aria-label="Keys" onClick={() => setOpen(true)}>
        ?
      </button>
      {open ? (
        <dialog ref={dialog} aria-labelledby="help-title" onClose={() => setOpen(false)}>
          <h2 id="help-title">Keys</h2>
          <dl class="keys">
            {activeBindings().map(({ keys, does }) => (
              <div key={`${keys} ${does}`}>
                <dt>
                  {keys.map((key) => (
                    <kbd key={key}>{words[key] ?? key}</kbd>
                  ))}
                </dt>
                <dd>{does}</dd>
              </div>
            ))}
          </dl>
          <form method="dialog">
            <button type="submit">Close</button>
          </form>
        </dialog>
      ) : null}
    </>
  );
}
