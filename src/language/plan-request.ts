/** What is asked of `plan`, and what it needs to know of the world. */
export interface PlanRequest {
  /** The workflow asked for. */
  readonly workflow: string;
  /** Variables from the command line, `-` and `_` being the same in their names. */
  readonly overrides: Readonly<Record<string, string>>;
  /** A legal run name, or `placeholderRunName`. */
  readonly runName: string;
  /** The submitter's environment, for `env` entries without a value. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /**
   * The job that `workflow:tag` (or `:tag`, with null) stands for: the tagged run's job of that name, or the one
   * it was submitted for. Null if there is none.
   */
  readonly resolveTag: (tag: string, workflow: string | null) => { run: string; job: string } | null;
}
