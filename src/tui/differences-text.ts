import type { Difference } from '../ledger/differences.ts';
import { plainText } from '../terminal-text.ts';

/** Values of variables and the like are shortened to this. */
const longestValue = 60;
/** More files than this are counted instead of listed. */
const mostFiles = 20;

/** The differences, one a line, what belongs to a dependency below it, each line ended by a newline. */
export function differencesText(differences: readonly Difference[], indent = '  '): string {
  const lines: string[] = [];
  describe(differences, indent, lines);
  return lines.map((line) => `${line}\n`).join('');
}

function describe(differences: readonly Difference[], indent: string, lines: string[]): void {
  const files = differences.filter((one) => one.kind === 'file');
  for (const one of differences) {
    if (one.kind === 'file') continue;
    if (one.kind === 'dependency') {
      lines.push(`${indent}${dependencyLine(one)}`);
      describe(one.because ?? [], `${indent}  `, lines);
    } else if (one.kind === 'commands') {
      lines.push(`${indent}commands:`);
      for (const line of one.lines) lines.push(`${indent}  ${line[0]} ${plainText(line.slice(1))}`);
    } else lines.push(`${indent}${oneLine(one)}`);
  }
  for (const one of files.slice(0, mostFiles)) lines.push(`${indent}${oneLine(one)}`);
  if (files.length > mostFiles) lines.push(`${indent}… ${files.length} files in all`);
}

function dependencyLine({ name, change, because }: Extract<Difference, { kind: 'dependency' }>): string {
  const what = `dependency ${plainText(name)}`;
  if (change !== 'changed') return `${what} ${change}`;
  if (because === null) return `${what}: see above`;
  return because.length > 0 ? `${what}:` : `${what}: its key was made in another way`;
}

type Simple = Exclude<Difference, { kind: 'dependency' | 'commands' }>;

function oneLine(one: Simple): string {
  switch (one.kind) {
    case 'file':
      return `file ${plainText(one.path)} ${one.change}`;
    case 'variable':
    case 'environment':
    case 'setting':
      return `${one.kind} ${plainText(one.name)}: ${valueText(one.before)} → ${valueText(one.after)}`;
    case 'artifacts':
    case 'mounts':
      return `${one.kind}: ${[
        ...one.removed.map((path) => `-${plainText(path)}`),
        ...one.added.map((path) => `+${plainText(path)}`),
      ].join(' ')}`;
    default:
      return `${one.kind}: ${valueText(one.before)} → ${valueText(one.after)}`;
  }
}

function valueText(value: string | null): string {
  if (value === null) return 'none';
  const text = plainText(value);
  const short = text.length > longestValue ? `${text.slice(0, longestValue)}…` : text;
  return short === '' || /\s/.test(short) ? JSON.stringify(short) : short;
}

/** In a few words: `learning_rate 0.1 → 0.2, train.py changed, 3 more`. Dependencies only if nothing else has changed. */
export function differencesInShort(differences: readonly Difference[], most = 3): string {
  const own = differences.filter((one) => one.kind !== 'dependency');
  const shown = own.length > 0 ? own : differences;
  const words = shown.slice(0, most).map((one) => {
    if (one.kind === 'file') return `${plainText(one.path)} ${one.change}`;
    if (one.kind === 'variable' || one.kind === 'environment')
      return `${plainText(one.name)} ${valueText(one.before)} → ${valueText(one.after)}`;
    return one.kind === 'dependency' ? `${plainText(one.name)} ${one.change}` : one.kind;
  });
  const more = shown.length - words.length;
  return [...words, ...(more > 0 ? [`${more} more`] : [])].join(', ');
}
