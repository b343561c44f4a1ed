import { type Logger, pino } from 'pino';

/** A logger, and the lines that were written by it. */
export function loggedTo(): { said: string[]; log: Logger } {
  const said: string[] = [];
  return { said, log: pino({ level: 'warn' }, { write: (line: string) => void said.push(line) }) };
}
