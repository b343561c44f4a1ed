import type { World } from './world.ts';

/** Something that went wrong in a history. */
export interface Misfortune {
  /** Names it in every history of the same seed, such as `r1 call 17: answer lost`. */
  readonly id: string;
  /** World time, in milliseconds. */
  readonly at: number;
}

/** What kinds of trouble a history has, and which of them really strike. */
export interface Fortune {
  /** Something is about to go wrong: does it? */
  strikes(id: string): boolean;
  /** From here on nothing goes wrong any more. */
  calm(): void;
  isCalm(): boolean;
  readonly struck: readonly Misfortune[];
}

/** @param only misfortunes that may strike, if not all that are drawn may: for shrinking */
export function createFortune(world: World, only: ReadonlySet<string> | null): Fortune {
  const struck: Misfortune[] = [];
  let calm = false;
  return {
    struck,
    strikes(id) {
      if (calm || (only !== null && !only.has(id))) return false;
      struck.push({ id, at: world.now() });
      world.note(() => `! ${id}`);
      return true;
    },
    calm() {
      calm = true;
      world.note(() => 'from here on nothing goes wrong');
    },
    isCalm: () => calm,
  };
}
