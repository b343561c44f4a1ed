/** What runs where: one attempt of one job, in a workspace that is already filled. */
export interface ExecutionSpec {
  /** Carried by the container's labels or the process group's environment, so that strays can be told. */
  identity: ExecutionIdentity;
  image: string | null;
  /** In place of the image's own; empty: none. A plain process has none. */
  entrypoint?: readonly string[] | undefined;
  /** Run in order by one shell with `-e`; the first that fails ends the job with its exit code. */
  commands: readonly string[];
  env: Readonly<Record<string, string>>;
  /** Absolute folder on this machine; the job sees it as `/workflow` (docker) or at this path (process). */
  workspace: string;
  /** Relative to the workspace. */
  workingDir: string;
  /** What a container is held to; sizes in bytes, null: to nothing. A plain process is held to none of it. */
  limits: { cpu: number | null; memory: number | null; shmSize: number | null };
  /** Ids of the GPUs that are the job's own; null: it asks for none. */
  gpus: readonly string[] | null;
  /** Ports that it listens on. */
  ports: readonly number[];
  /** Where other machines are to find it: at this port of its own, by this address of the machine's. */
  rendezvous?: { readonly address: string; readonly port: number };
  /** What only a container can have, and what the runner lets it have beyond every other one. */
  access?: ContainerAccess | undefined;
  /** Folders beside the workspace that a container sees below its home; a plain process has the user's own. */
  home?: readonly HomeFolder[] | undefined;
}

export interface HomeFolder {
  /** Absolute folder on this machine, the job's own. */
  readonly folder: string;
  /** Relative to the home. */
  readonly path: string;
}

export interface ContainerAccess {
  readonly mounts: readonly Mount[];
  /** The machine's own network, or none; null: one of its own. */
  readonly network: 'host' | 'none' | null;
  /** As Docker calls them: `SYS_PTRACE`. */
  readonly capabilities: readonly string[];
}

/** A folder or file of this machine and where the container sees it, both absolute. */
export interface Mount {
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
}

export interface ExecutionIdentity {
  /** Name of the runner that started it; `sweep` finds strays by it. */
  runner: string;
  run: string;
  job: string;
  attempt: number;
  nonce: string;
}

/** How the commands ended. Exactly one of `exitCode` and `signal` is non-null, unless `failure` is set. */
export interface ExecutionResult {
  exitCode: number | null;
  signal: string | null;
  /** Why it could not be run at all or died unnaturally, for people: image not found, … */
  failure: string | null;
  /** The kernel has killed something of it for want of memory, and that is why it ended. */
  outOfMemory?: true;
  /** Not its doing: what was running it has been killed, or its image could not be fetched; it may do well another time. */
  lost?: true;
  /** Of a job on several nodes, which one it was, for people. */
  node?: string;
}

export type ExecutionPhase = 'pulling' | 'running';

/** Which image it is that a name stands for; either is null where it is not known. */
export interface ImageIdentity {
  /** By which its registry knows it: `sha256:…`. */
  digest: string | null;
  /** Docker's id of it on this machine. */
  id: string | null;
}

export interface ExecutionEvents {
  /** Raw output, stdout and stderr as one stream, in order of arrival. */
  output(chunk: Uint8Array): void;
  /** Called on each change of phase; `detail` is one line for people (pull progress). */
  phase(phase: ExecutionPhase, detail?: string): void;
  /** The image that it runs in, before it does. */
  image?(image: ImageIdentity): void;
  /** One line for people, that belongs into its log. */
  notice?(line: string): void;
  /** One of its ports can be reached at this one of 127.0.0.1. */
  port(port: number, at: number): void;
}

/** What a job has used of the machine since its commands began. */
export interface UsageReading {
  /** Since then. */
  seconds: number;
  /** Seconds of processor time. */
  cpu: number;
  /** Bytes, now. */
  memory: number;
  /** Bytes; null: it can't be told. */
  disk: { read: number; written: number } | null;
  network: { received: number; sent: number } | null;
}

/** A started job. All methods are safe to call after it has ended, and may be called twice. */
export interface Execution {
  /** Settles once the job has ended, its output is delivered, and nothing of it is left. Never rejects. */
  readonly finished: Promise<ExecutionResult>;
  /** Stops it from computing, without ending it (container pause; SIGSTOP to the group). */
  freeze(): Promise<void>;
  thaw(): Promise<void>;
  /** SIGTERM to all of it, SIGKILL after `graceMs` milliseconds. Resolves when it has ended. */
  stop(graceMs: number): Promise<void>;
  /** Null: it isn't running, or nothing can be told here. */
  usage(): Promise<UsageReading | null>;
}

export interface Executor {
  readonly kind: 'docker' | 'process';
  /** Can it be used on this machine? `remedy` says what to do if not. Never throws. */
  check(): Promise<{ ok: boolean; detail: string; remedy?: string }>;
  /** Starts a job. A job that can't be started (no such image) is a result with `failure`, not an exception. */
  start(spec: ExecutionSpec, events: ExecutionEvents): Promise<Execution>;
  /**
   * The image that a job would run in if it were started now; null if that can't be told. Where there are no images
   * there is no such method. Never throws.
   */
  imageNow?(image: string): Promise<ImageIdentity | null>;
  /** What jobs can have of the machine: CPUs, and bytes of memory. */
  capacity(): Promise<{ cpu: number; memory: number }>;
  /** Ends and removes whatever a former process of this runner left behind. Returns how many there were. */
  sweep(runner: string): Promise<number>;
  /** Releases connections; running jobs must have ended. */
  close(): Promise<void>;
}
