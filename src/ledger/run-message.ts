import { isObjectId } from '../git/repository.ts';
import { formatVersion } from './formats.ts';
import { isName } from './names.ts';

/** What a run commit's message says, for programs. */
export interface RunMessage {
  readonly run: string;
  readonly workflow: string;
  readonly variables: Readonly<Record<string, string>>;
  /** Job name → blob id of its `job.json`, in dependency order. */
  readonly jobs: ReadonlyMap<string, string>;
  readonly reason: string | null;
  /** What has started it, if nobody has: `push refs/heads/main`, `schedule 2026-03-01T03:00:00.000Z`. */
  readonly trigger?: string;
}

/** The message of a run commit: a line for people, trailers for programs. */
export function printRunMessage({ run, workflow, variables, jobs, reason, trigger }: RunMessage): string {
  const given = Object.entries(variables).map(([name, value]) => ` --${name} ${oneLine(value)}`);
  return [
    `${run}: ${workflow}${given.join('')}`,
    ...(reason ? ['', reason] : []),
    '',
    `Dstack-Format: ${formatVersion}`,
    `Dstack-Run: ${run}`,
    `Dstack-Workflow: ${workflow}`,
    `Dstack-Variables: ${plainJson(variables)}`,
    ...(trigger === undefined ? [] : [`Dstack-Trigger: ${trigger}`]),
    ...[...jobs].map(([name, blob]) => `Dstack-Job: ${name} ${blob}`),
    '',
  ].join('\n');
}

function oneLine(text: string): string {
  return /^[\w.,:/@%+=-]+$/.test(text) ? text : plainJson(text);
}

/** JSON in which nothing stands that Git would take for broken UTF-8, and change. */
function plainJson(value: unknown): string {
  const escaped = (character: string) =>
    character
      .split('')
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .join('');
  return JSON.stringify(value).replace(/\p{Noncharacter_Code_Point}/gu, escaped);
}

/** Reads such a message; null if it isn't one that this version can read. */
export function parseRunMessage(message: string): RunMessage | null {
  const paragraphs = message.trimEnd().split(/\n\n+/);
  const trailers = new Map<string, string>();
  const jobs = new Map<string, string>();
  for (const line of (paragraphs.at(-1) ?? '').split('\n')) {
    const match = /^(Dstack-[A-Za-z-]+): ([^\n]*)$/.exec(line);
    if (!match) continue;
    if (match[1] === 'Dstack-Job') {
      const [name, blob] = (match[2] as string).split(' ');
      if (name && isName(name) && blob && isObjectId(blob)) jobs.set(name, blob);
    } else {
      trailers.set(match[1] as string, match[2] as string);
    }
  }
  const run = trailers.get('Dstack-Run');
  const workflow = trailers.get('Dstack-Workflow');
  if (trailers.get('Dstack-Format') !== String(formatVersion) || !run || !workflow) return null;
  const trigger = trailers.get('Dstack-Trigger');
  return {
    run,
    workflow,
    jobs,
    ...(trigger === undefined ? {} : { trigger }),
    variables: parseVariables(trailers.get('Dstack-Variables')),
    reason: paragraphs.length > 2 ? paragraphs.slice(1, -1).join('\n\n') : null,
  };
}

function parseVariables(text: string | undefined): Record<string, string> {
  try {
    const data: unknown = JSON.parse(text ?? '{}');
    if (typeof data !== 'object' || data === null) return {};
    return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, String(value)]));
  } catch {
    return {};
  }
}
