import { homedir, userInfo } from 'node:os';
import { isAbsolute, join } from 'node:path';
import type { Command } from 'commander';
import { allSettings, type Config, variableOf } from '../config/settings.ts';
import { DstackError } from '../errors.ts';
import { plainText } from '../terminal-text.ts';
import { packageFile } from './package-file.ts';
import { overridesOf, type RunnerStartOptions, runnerConfig } from './runner-start.ts';
import { isLineOfUnit, isWordOfUnit, systemdUnit } from './systemd-unit.ts';
import { say } from './terminal.ts';

/** `dstack runner unit`: prints a systemd unit that starts a runner as these options, this folder and environment say. */
export async function printUnit(options: RunnerStartOptions & { user?: true }, self: Command): Promise<void> {
  const { config, remote } = await runnerConfig(overridesOf(options));
  const scope = options.user ? 'user' : 'system';
  const { environment, leftOut } = unitEnvironment(process.env, config);
  const environmentFile = join(homedir(), '.config', 'dstack', 'runner.env');
  const unit = {
    scope,
    description: `dstack runner${config.runner.name === undefined ? '' : ` ${config.runner.name}`}`,
    command: [process.execPath, ownExecutable(), 'runner', 'start', ...argumentsOf(self)],
    directory: process.cwd(),
    environment,
    environmentFile,
    user: userInfo().username,
    stopSeconds: Math.ceil(config.runner.grace / 1000) + savingSeconds,
    finishesFirst: !config.runner.interruptible,
    onlyContainers: config.runner.executor === 'docker',
  } as const;
  const unfit =
    unit.command.find((word) => !isWordOfUnit(word)) ??
    [unit.directory, unit.environmentFile, unit.description].find((value) => !isLineOfUnit(value));
  if (unfit !== undefined) {
    throw new DstackError('not-in-a-unit', `a systemd unit can't have ${JSON.stringify(plainText(unfit))}`, {
      hint: 'it has a line break, or a space or backslash at its end: rename it',
    });
  }
  process.stdout.write(systemdUnit(unit));
  for (const line of hints(scope, unit.user, remote, leftOut, environmentFile)) say(line);
}

/** What saving the artifacts of jobs that are given back may take. */
const savingSeconds = 300;

/** The options of this call as words for `runner start`. */
function argumentsOf(self: Command): string[] {
  const values: Record<string, unknown> = self.opts();
  return self.options.flatMap((option) => {
    const value = values[option.attributeName()];
    const { long } = option;
    if (value === undefined || long == null || long === '--user') return [];
    if (value === true) return [long];
    if (typeof value !== 'object' || value === null) return [`${long}=${value}`];
    return Object.entries(value).map(
      ([key, one]) => `${long}=${Array.isArray(value) ? one : `${key}=${one}`}`,
    );
  });
}

function ownExecutable(): string {
  const executable = packageFile('executable');
  if (!/[\\/]_npx[\\/]/.test(executable)) return executable;
  throw new DstackError('not-installed', 'npx keeps this dstack only for a while', {
    hint: 'install it first: npm install --global dstack',
  });
}

/** What a runner finds its way by: to programs, to Docker, to its folders, through proxies. */
const passedOn =
  /^(PATH|DOCKER_(HOST|CONTEXT|CONFIG|CERT_PATH|TLS_VERIFY)|XDG_(CACHE|CONFIG)_HOME|CUDA_VISIBLE_DEVICES|LANG|TZ|(https?|no|all)_proxy|(HTTPS?|NO|ALL)_PROXY|NODE_EXTRA_CA_CERTS|SSL_CERT_FILE|GIT_SSL_CAINFO)$/;

/** What it may need and everybody who can read the unit would learn. */
const secret = /^(AWS_(ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN)|GITHUB_TOKEN|GH_TOKEN|SSH_AUTH_SOCK)$/;

/** Which variables of an environment go into a unit, and which the runner would miss there. Pure. */
export function unitEnvironment(
  env: NodeJS.ProcessEnv,
  { runner }: { readonly runner: Pick<Config['runner'], 'secrets'> },
): { environment: Record<string, string>; leftOut: string[] } {
  const settings = new Set(allSettings().map(({ path }) => variableOf(path)));
  const ofSecrets = new Set(
    Object.values(runner.secrets).flatMap((source) => ('env' in source ? [source.env] : [])),
  );
  const environment: Record<string, string> = {};
  const leftOut: string[] = [];
  for (const [name, value] of Object.entries(env)) {
    if (!value) continue;
    if (secret.test(name) || ofSecrets.has(name)) leftOut.push(name);
    else if (passedOn.test(name) || settings.has(name)) {
      // `https://user:password@host`; and what is no line can't be in a unit.
      if (/:\/\/[^/\s]*:[^/\s]*@/.test(value) || !isWordOfUnit(value)) leftOut.push(name);
      else environment[name] = name === 'PATH' ? absoluteFolders(value) : value;
    }
  }
  return { environment, leftOut };
}

function absoluteFolders(path: string): string {
  return [...new Set(path.split(':').filter(isAbsolute))].join(':');
}

function hints(
  scope: 'system' | 'user',
  user: string,
  remote: string,
  leftOut: readonly string[],
  environmentFile: string,
): string[] {
  const lines =
    scope === 'user'
      ? [
          'hint: dstack runner unit --user … >~/.config/systemd/user/dstack-runner.service',
          '      systemctl --user daemon-reload && systemctl --user enable --now dstack-runner',
          '      loginctl enable-linger      # it goes on when you log out',
        ]
      : [
          'hint: dstack runner unit … | sudo tee /etc/systemd/system/dstack-runner.service',
          '      sudo systemctl daemon-reload && sudo systemctl enable --now dstack-runner',
        ];
  lines.push(`      journalctl ${scope === 'user' ? '--user ' : ''}-u dstack-runner -f`);
  const missed = leftOut.filter((name) => name !== 'SSH_AUTH_SOCK');
  if (missed.length > 0)
    lines.push(
      `note: ${missed.join(', ')} not taken in: put what it needs into ${environmentFile} (mode 600)`,
    );
  if (/^ssh:|^[^/:]+:(?!\/\/)/.test(remote))
    lines.push('note: a service has no ssh agent: the repository needs a key without a passphrase');
  if (scope === 'system' && user === 'root')
    lines.push('note: it will run as root: print it as the user that is to execute jobs');
  return lines.map((line) => plainText(line));
}
