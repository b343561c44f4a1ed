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
   * The jobs that `workflow:tag` stands for (or `:tag`, with null: the workflow that the tagged run was submitted for):
   * one, or the cells of its matrix. Empty if there are none.
   */
  readonly resolveTag: (tag: string, workflow: string | null) => readonly { run: string; job: string }[];
}
