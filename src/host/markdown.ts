/**
 * Text of anybody's within Markdown, so that it is shown as it is: nothing of it is a link, a mention, a picture or HTML.
 * As code spans, since GitHub makes links of what looks like one even where its characters are escaped.
 */
export function asCode(text: string): string {
  const shown = text.replace(/\s+/g, ' ').replace(/[\p{Cc}\p{Cf}\p{Cs}]/gu, '\ufffd');
  // A bar ends a cell of a table even within code.
  return shown
    .split('|')
    .map((part) => asSpan(part.trim()))
    .join('&#124;');
}

function asSpan(text: string): string {
  if (text === '') return '';
  const fence = '`'.repeat(longestTicks(text) + 1);
  const room = text.startsWith('`') || text.endsWith('`') ? ' ' : '';
  return `${fence}${room}${text}${room}${fence}`;
}

function longestTicks(text: string): number {
  return Math.max(0, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length));
}

/** Lines of output as a block, whatever they contain. */
export function asBlock(text: string): string {
  const fence = '`'.repeat(Math.max(3, longestTicks(text) + 1));
  return `${fence}text\n${text.replace(/\n+$/, '')}\n${fence}`;
}

/** Its cells are Markdown already. */
export function asTable(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(titles), line(titles.map(() => '---')), ...rows.map(line)].join('\n');
}

/** At most `limit` characters of it, up to the end of a line, which is a row of a table; it says so if that is not all. */
export function cutAtLine(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const note = '\n\n… cut here: there is more than GitHub takes';
  const end = text.lastIndexOf('\n', limit - note.length);
  return `${text.slice(0, Math.max(0, end))}${note}`;
}
