/** What a patch does to one file. */
export interface PatchFile {
  readonly path: string;
  readonly added: number;
  readonly removed: number;
  readonly lines: readonly { readonly kind: 'added' | 'removed' | 'place' | 'same'; readonly text: string }[];
}

/** Takes what `git diff` prints apart, file by file. Pure. */
export function patchFiles(patch: string): PatchFile[] {
  return patch
    .split(/^(?=diff --git )/m)
    .filter((part) => part.startsWith('diff --git '))
    .map((part) => {
      const all = part.replace(/\n$/, '').split('\n');
      const begin = all.findIndex((line) => line.startsWith('@@'));
      const head = begin < 0 ? all : all.slice(0, begin);
      const body = begin < 0 ? head.slice(1).filter((line) => !line.startsWith('index ')) : all.slice(begin);
      const lines = body.map((text) => ({ kind: begin < 0 ? ('place' as const) : kindOf(text), text }));
      const count = (kind: string) => lines.filter((line) => line.kind === kind).length;
      return { path: pathOf(head), added: count('added'), removed: count('removed'), lines };
    });
}

function kindOf(line: string): 'added' | 'removed' | 'place' | 'same' {
  if (line.startsWith('+')) return 'added';
  if (line.startsWith('-')) return 'removed';
  return line.startsWith('@@') || line.startsWith('\\') ? 'place' : 'same';
}

/** As the lines above the differences have it; a file that is gone has it in the second of them only. */
function pathOf(head: readonly string[]): string {
  for (const start of ['+++ ', '--- ', 'rename to ']) {
    const line = head.find((one) => one.startsWith(start) && !one.startsWith(`${start}/dev/null`));
    if (line !== undefined)
      return line
        .slice(start.length)
        .replace(/^"?[ab]\//, '')
        .replace(/["\t]+$/, '');
  }
  return (head[0] ?? '').replace(/^diff --git "?a\//, '').replace(/^(.*)"? "?b\/\1"?$/, '$1');
}
