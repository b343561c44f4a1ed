/** What a workflow can say that it is executed by. */
export const providers = ['docker', 'bash', 'python'];

/** Keys that go with `provider: python` only. */
export const pythonKeys = ['file', 'args', 'version', 'requirements'] as const;
