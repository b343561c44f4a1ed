import { DstackError } from '../errors.ts';

/**
 * Why GitHub did not do what it was asked for: `unchanged` since it was asked last; `limited`: not before `after`
 * milliseconds; `refused`: the token may not, or there is no such thing; `away`: it does not answer, or can't.
 */
export class GitHubFailure extends DstackError {
  readonly kind: 'unchanged' | 'limited' | 'refused' | 'away';
  readonly status: number | null;
  readonly after: number;

  constructor(
    kind: GitHubFailure['kind'],
    message: string,
    options: { status?: number | null; after?: number; hint?: string } = {},
  ) {
    super(`github-${kind}`, message, { hint: options.hint });
    this.kind = kind;
    this.status = options.status ?? null;
    this.after = options.after ?? 0;
  }
}
