import { type Logger, pino } from 'pino';
import { plainText } from '../terminal-text.ts';

/** The daemon's log on standard error: JSON lines for machines, short lines for a person at a terminal. */
export function createRunnerLogger(): Logger {
  if (!process.stderr.isTTY)
    return pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime }, process.stderr);
  return pino({ base: null }, { write: (line: string) => void process.stderr.write(shortLine(line)) });
}

function shortLine(line: string): string {
  const { level, time, msg, ...rest } = JSON.parse(line) as { level: number; time: number; msg: string };
  const clock = new Date(time).toTimeString().slice(0, 8);
  const facts = Object.entries(rest).map(
    ([key, value]) => `${key}=${plainText(typeof value === 'string' ? value : JSON.stringify(value))}`,
  );
  const mark = level >= 50 ? 'error: ' : level >= 40 ? 'warning: ' : '';
  return `${clock} ${mark}${plainText(msg)}${facts.length > 0 ? `  ${facts.join(' ')}` : ''}\n`;
}
