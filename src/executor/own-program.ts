/** What Node is given to run a program of dstack's own: a bundle, or its source. */
export function argumentsFor(script: string): string[] {
  return script.endsWith('.ts') ? ['--import', import.meta.resolve('tsx'), script] : [script];
}

/** Enough to run and to find Docker. Not the identity of a job that we may be part of: it would be ended with it. */
export function ownProgramEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const passedThrough = /^(PATH|HOME|TMPDIR|DOCKER_.+)$/;
  return Object.fromEntries(Object.entries(env).filter(([name]) => passedThrough.test(name)));
}
