/** Text of anybody's within Markdown, so that it is shown as it is: nothing of it is a link, a mention, a picture or HTML. */
export function asCode(text: string): string {
  const safe = text.replace(/\s+/g, ' ').replace(/[^\p{L}\p{N} .,;/=+-]/gu, (character) => {
    return `&#${character.codePointAt(0)};`;
  });
  return safe.trim() === '' ? '' : `<code>${safe}</code>`;
}

/** Lines of output as a block, whatever they contain. */
export function asBlock(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}text\n${text.replace(/\n+$/, '')}\n${fence}`;
}

/** Its cells are Markdown already. */
export function asTable(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(titles), line(titles.map(() => '---')), ...rows.map(line)].join('\n');
}
