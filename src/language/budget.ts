import { DstackError } from '../errors.ts';

/** Characters of all values of a plan together; beyond them it isn't a plan but an attack on the memory. */
const mostCharacters = 5_000_000;
/** Each value counts as so many at least, so that many empty ones come to an end too. */
const leastPerValue = 10;

/** Counts the characters of each value; throws `plan-too-large` once they are too many. */
export type Spend = (characters: number) => void;

export function createBudget(most = mostCharacters): Spend {
  let left = most;
  return (characters) => {
    left -= Math.max(characters, leastPerValue);
    if (left >= 0) return;
    throw new DstackError(
      'plan-too-large',
      'with all variables put in, the workflows are too large to be run',
      {
        hint: `have fewer or shorter variables: ${most} characters are the limit`,
      },
    );
  };
}
