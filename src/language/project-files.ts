/** Which of a project's files are read: those with its workflows, in their order, and the one with its variables. */
export function projectFiles(paths: readonly string[]): { workflows: string[]; variables: string | null } {
  const there = new Set(paths);
  return {
    workflows: [
      ...['.dstack/workflows.yaml', '.dstack/workflows.yml'].filter((path) => there.has(path)),
      ...paths.filter((path) => /^\.dstack\/workflows\/[^/]+\.ya?ml$/.test(path)).sort(),
    ],
    variables: ['.dstack/variables.yaml', '.dstack/variables.yml'].find((path) => there.has(path)) ?? null,
  };
}
