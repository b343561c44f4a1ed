import { quoted } from './problems.ts';

const namePattern = /^[a-z0-9](?:[a-z0-9_-]|\.(?=[a-z0-9]))*$/;

/** What editors can know of names. */
export const nameSchema = { pattern: namePattern.source, maxLength: 64, not: { enum: ['global'] } };

/**
 * Why a text can't be the name of a workflow, job or tag (they become part of a Git ref), or null if it can.
 * The answer continues "…: ".
 */
export function nameFault(name: string): string | null {
  if (name === '') return 'it is empty';
  if (name.length > 64) return 'it has more than 64 characters';
  if (name.endsWith('.lock')) return 'it ends in `.lock`, which Git keeps for itself';
  if (namePattern.test(name)) return null;
  const better = name
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, '-')
    .replace(/^[^a-z0-9]+|[^a-z0-9]+$/g, '')
    .replace(/\.(?![a-z0-9])/g, '');
  const offer = namePattern.test(better) ? `; ${quoted(better)} would do` : '';
  return `only lower-case letters, digits, "-", "_" and inner dots are allowed${offer}`;
}

export const variablePattern = /^[A-Za-z_][A-Za-z0-9_-]*$/;
const environmentPattern = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** These come from dstack itself, as variables of the language and in the job's environment. */
export const builtIns = ['run_name', 'job_id', 'variables_as_args'] as const;

/** A variable of such a name would, in upper case, break the job's shell or loader rather than inform it. */
const vital = new Set(['PATH', 'HOME', 'IFS', 'BASH_ENV', 'LD_PRELOAD', 'LD_LIBRARY_PATH', 'PYTHONHOME']);

/** Why a text can't name a variable, or null if it can. */
export function variableFault(name: string): string | null {
  if (!variablePattern.test(name) || name === '__proto__') {
    return 'a variable is named with letters, digits, "-" and "_", and begins with a letter';
  }
  if (name.length > 100) return 'it has more than 100 characters';
  const word = optionKey(name).toLowerCase();
  if (builtIns.some((builtIn) => builtIn === word) || word === 'matrix' || word === 'secrets') {
    return 'the name is taken by dstack';
  }
  const inEnvironment = environmentName(name);
  if (vital.has(inEnvironment) || inEnvironment.startsWith('DSTACK_')) {
    return `the job would get it as ${inEnvironment}, which has another meaning there`;
  }
  return null;
}

/** Why a text can't name an environment variable of a job, or null if it can. */
export function environmentFault(name: string): string | null {
  if (!environmentPattern.test(name) || name === '__proto__') {
    return 'an environment variable is named with letters, digits and "_", and begins with a letter';
  }
  if (name === 'RUN_NAME' || name === 'JOB_ID' || name.startsWith('DSTACK_')) return 'it is set by dstack';
  return null;
}

/** Why a text can't name a secret, which is an environment variable of its job's, or null if it can. */
export function secretFault(name: string): string | null {
  const fault = environmentFault(name);
  if (fault !== null) return fault;
  const hasMeaning = vital.has(name) || name === 'PYTHONUNBUFFERED';
  return hasMeaning ? 'it has another meaning in the environment' : null;
}

/** The environment variable that carries a variable: `batch-size` → `BATCH_SIZE`. */
export function environmentName(variable: string): string {
  return variable.replaceAll('-', '_').toUpperCase();
}

/** What is the same for all spellings of a variable on the command line, where `-` and `_` are one. */
export function optionKey(variable: string): string {
  return variable.replaceAll('-', '_');
}

/** `learning_rate` → `--learning-rate`. */
export function optionName(variable: string): string {
  return `--${variable.replaceAll('_', '-')}`;
}

const secretWords =
  /(?:TOKEN|SECRETS?|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?|KEYS?)(?:_|$)|(?:^|_)(?:PASS|PAT|PWD|AUTH)(?:_|$)/i;

/** Does an environment variable's name promise something that must not become readable in a repository? */
export function looksSecret(name: string): boolean {
  return name !== 'PWD' && secretWords.test(name);
}
