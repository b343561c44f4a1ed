import type { Find } from './log-document.ts';

/**
 * Where in a text the next thing begins that looks like trouble: an exception's name, a traceback, a fatal signal, memory that ran out.
 * Lines such as `errors: 0` or `loss/error 0.3` are none.
 */
const TROUBLE = new RegExp(
  [
    // Python, and what is raised; also `torch.cuda.OutOfMemoryError: …`, `E   AssertionError`.
    'Traceback \\(most recent call last\\)',
    '(?<![\\w.])(?:\\w+\\.)*[A-Z]\\w*(?:Error|Exception|Interrupt|Exit)\\b(?=:|$)',
    // Compilers, shells, Git, make, Node.
    '(?<![\\w-])(?:[Ff]atal|FATAL|[Ee]rror|ERROR|CRITICAL|E\\d{4})(?: ?\\[[^\\]\\n]*\\])?:',
    '(?<=^|\\s|\\[)(?:ERROR|FATAL|CRITICAL|PANIC)(?=\\]|\\s)',
    'npm ERR!',
    'panic: ',
    'command not found',
    'No such file or directory',
    'Permission denied',
    'No space left on device',
    // The machine.
    '(?:CUDA|[Oo]ut) (?:out )?of memory',
    'OOM(?:-| )?[Kk]ill',
    'NCCL (?:error|WARN)',
    'Segmentation fault|Bus error|core dumped|Illegal instruction',
    '(?<=^|[:\\d] +)Killed$',
    '[Ee]xit(?:ed with)? (?:code|status):? [1-9]',
  ].join('|'),
  'gm',
);

/** Finds signs of trouble, one after the other. */
export const findTrouble: Find = matcher(TROUBLE);

/** @param pattern with the flag `g` */
export function matcher(pattern: RegExp): Find {
  return (text, from) => {
    pattern.lastIndex = from;
    const match = pattern.exec(text);
    return match ? { at: match.index, length: match[0].length } : null;
  };
}
