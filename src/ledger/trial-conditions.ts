import { asNumber, type Trial, trialValue } from './trials.ts';

const operators = ['<=', '>=', '!=', '==', '=', '<', '>'] as const;
type Operator = (typeof operators)[number];

/** What trials have to fulfil to be compared: `lr>0.01`, `state=done`. */
export interface Condition {
  readonly name: string;
  readonly operator: Operator;
  readonly value: string;
}

/** @returns null: it is none */
export function parseCondition(text: string): Condition | null {
  const match = /^\s*([^<>=!\s][^<>=!]*?)\s*(<=|>=|!=|==|=|<|>)(?![<>=])\s*(.*?)\s*$/.exec(text);
  if (!match) return null;
  return { name: match[1] as string, operator: match[2] as Operator, value: match[3] as string };
}

/** Numbers are compared as numbers, texts only as the same or not; what isn't there fulfils only `!=`. */
export function fulfils(trial: Trial, { name, operator, value }: Condition): boolean {
  const found = trialValue(trial, name);
  const [left, right] = [asNumber(found), asNumber(value)];
  const areNumbers = !Number.isNaN(left) && !Number.isNaN(right);
  const same = found !== undefined && (areNumbers ? left === right : String(found) === value);
  switch (operator) {
    case '=':
    case '==':
      return same;
    case '!=':
      return !same;
    case '<':
      return areNumbers && left < right;
    case '<=':
      return areNumbers && left <= right;
    case '>':
      return areNumbers && left > right;
    case '>=':
      return areNumbers && left >= right;
  }
}
