import type { Wake } from '../ledger/wake.ts';

/** The host's word on whether there is anything new, for as long as it is worth waiting for. */
export interface ChangeHint {
  /** True: nothing is new. False in doubt: at a sign of a change, and while the answer takes too long. */
  saysNo(): Promise<boolean>;
}

interface Question {
  readonly answered: AbortController;
  readonly askedAt: number;
  changed: boolean | null;
}

/**
 * @param hasChanged since it was asked last; not asked again before it has answered, and none of its answers is lost
 * @param patience milliseconds that an answer is waited for
 */
export function openChangeHint(
  hasChanged: () => Promise<boolean>,
  wake: Pick<Wake, 'wait'>,
  patience: number,
): ChangeHint {
  let open: Question | null = null;
  const ask = (): Question => {
    const question: Question = {
      answered: new AbortController(),
      askedAt: performance.now(),
      changed: null,
    };
    const answer = (changed: boolean) => {
      question.changed = changed;
      question.answered.abort();
    };
    void hasChanged().then(answer, () => answer(true));
    return question;
  };
  return {
    async saysNo() {
      open ??= ask();
      const left = open.askedAt + patience - performance.now();
      if (open.changed === null && left > 0 && (await wake.wait(left, open.answered.signal))) return false;
      const { changed } = open;
      if (changed === null) return false;
      open = null;
      return !changed;
    },
  };
}
