/** What a unit says of one runner. */
export interface UnitOptions {
  /** Of the machine, or of one user's own manager. */
  readonly scope: 'system' | 'user';
  readonly description: string;
  /** The program with its arguments; the program by its absolute path. */
  readonly command: readonly string[];
  /** Absolute, like the next. */
  readonly directory: string;
  /** May have more variables, and may be absent. */
  readonly environmentFile: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Counts only for the machine's manager. */
  readonly user: string;
  /** What it may take to give back what is running. */
  readonly stopSeconds: number;
  /** It finishes what it has at a first signal, and gives that back at a second one; otherwise it gives it back at once. */
  readonly finishesFirst: boolean;
  /** It executes containers alone: what binds the runner binds no job. */
  readonly onlyContainers: boolean;
}

/** The text of a systemd unit (240 or later) for a runner. Pure. */
export function systemdUnit(options: UnitOptions): string {
  const system = options.scope === 'system';
  const sections: [string, (string | null)[]][] = [
    [
      'Unit',
      [
        `Description=${text(options.description)}`,
        system ? 'Wants=network-online.target' : null,
        system ? 'After=network-online.target docker.service' : null,
        '# A repository that is away is tried again for ever.',
        'StartLimitIntervalSec=0',
      ],
    ],
    [
      'Service',
      [
        'Type=exec',
        system ? `User=${text(options.user)}` : null,
        `WorkingDirectory=${text(options.directory)}`,
        ...Object.entries(options.environment).map(
          ([name, value]) => `Environment=${quoted(`${name}=${value}`)}`,
        ),
        '# What not everybody may read, such as keys of a store: NAME=VALUE, a line each.',
        `EnvironmentFile=-${text(options.environmentFile)}`,
        `ExecStart=${commandLine(options.command)}`,
        ...(options.finishesFirst ? stopByTwo : []),
        'KillMode=mixed',
        'KillSignal=SIGTERM',
        `TimeoutStopSec=${options.stopSeconds}`,
        'Restart=on-failure',
        'RestartSec=10',
        '# 2: it was called wrongly, or is configured so.',
        'RestartPreventExitStatus=2',
        "# A job that runs out of memory is not the runner's end.",
        'OOMPolicy=continue',
        'TasksMax=infinity',
        // What takes away privileges for good would keep NVIDIA's tools from making their devices.
        ...(system && options.onlyContainers ? ['ProtectSystem=full', 'ProtectControlGroups=yes'] : []),
      ],
    ],
    ['Install', [`WantedBy=${system ? 'multi-user.target' : 'default.target'}`]],
  ];
  return sections
    .map(([name, lines]) => [`[${name}]`, ...lines.filter((line) => line !== null), ''].join('\n'))
    .join('\n');
}

const stopByTwo = [
  "# The first signal lets it finish what it has, the second, systemd's own, has it give that back.",
  `ExecStop=-/bin/sh -c 'test -z "$$MAINPID" || kill -TERM "$$MAINPID"; sleep 1'`,
];

/** Can a unit have it as one of the words of a line? */
export function isWordOfUnit(value: string): boolean {
  return !/\p{Cc}/u.test(value);
}

/** Can a unit have it as a whole line's value? That goes on after a backslash at its end, and loses spaces. */
export function isLineOfUnit(value: string): boolean {
  return isWordOfUnit(value) && !/^\s|\s$|\\$/.test(value);
}

/** A value that is taken as it stands, but for specifiers such as `%h`. */
function text(value: string): string {
  return value.replaceAll('%', '%%');
}

function quoted(value: string): string {
  if (/^[\w%+=:,./@-]+$/.test(value)) return text(value);
  return `"${text(value.replace(/["\\]/g, '\\$&'))}"`;
}

/** Variables are replaced in the arguments alone, not in the program's path. */
function commandLine([program = '', ...args]: readonly string[]): string {
  return [quoted(program), ...args.map((word) => quoted(word).replaceAll('$', '$$$$'))].join(' ');
}
