import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';

/** More than these have not been killed since the oldest one's claims ran out. */
const remembered = 20;

/**
 * Notes that a process is this runner now, in a file of the runner's folder. Only for who holds the runner's lock: it
 * says that all former ones on this machine are dead. One on another, which shares the folder, may be alive.
 * To be called once more where it executes with more than before.
 * @param executors what it executes jobs with, as `docker+process`
 * @returns the instances of former ones of which the sweep has left nothing: those that used no other executors here
 */
export function succeedFormer(
  file: string,
  instance: string,
  executors: string,
  host: string = hostname(),
): ReadonlySet<string> {
  const former = linesOf(file)
    .filter((line) => !line.startsWith(`${instance} `))
    .slice(1 - remembered);
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const whole = `${file}.${process.pid}`;
  writeFileSync(whole, `${[...former, `${instance} ${executors} ${host}`].join('\n')}\n`, { mode: 0o600 });
  renameSync(whole, file);
  const own = executors.split('+');
  return new Set(
    former.flatMap((line) => {
      const [id, used, where] = line.split(' ');
      return id && where === host && used?.split('+').every((one) => own.includes(one)) ? [id] : [];
    }),
  );
}

function linesOf(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n').filter(Boolean);
  } catch {
    return []; // The first one; or it can't be read: then leases are waited for.
  }
}
