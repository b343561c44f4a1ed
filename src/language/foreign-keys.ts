const underResources = (key: string, example: string): string =>
  `\`${key}\` belongs under \`resources\`: \`resources: {${example}}\``;
const commands = 'what it executes is a list under `commands`';
const dependsOn = 'what it depends on is a list under `depends-on`';
const artifacts = 'what is kept of it is a list under `artifacts`';
const workingDir = 'where the commands begin is `working_dir`';
const variables =
  'variables are declared in .dstack/variables.yaml, under `global` or the name of the workflow';
const mounts = 'folders of the machine that it may see are listed under `mounts`: `[/data/imagenet:/data]`';
const capabilities = 'what it may do beyond other containers is listed under `capabilities`: `[SYS_PTRACE]`';
const image = 'its container is named by `image`';
const labels = 'which runners may take it is said by `labels`, a map';
const schedule = 'what starts it by itself is under `on`: `on: {schedule: "0 3 * * *"}`';

/** What a key of a workflow is called here that other tools have, or that stands in the wrong place. */
export const foreignKeys: Readonly<Record<string, string>> = {
  cpu: underResources('cpu', 'cpu: 4'),
  cpus: underResources('cpu', 'cpu: 4'),
  memory: underResources('memory', 'memory: 16GB'),
  mem: underResources('memory', 'memory: 16GB'),
  ram: underResources('memory', 'memory: 16GB'),
  gpu: underResources('gpu', 'gpu: 1'),
  gpus: underResources('gpu', 'gpu: 1'),
  shm_size: underResources('shm_size', 'shm_size: 8GB'),
  interruptible: underResources('interruptible', 'interruptible: true'),
  run: commands,
  cmd: commands,
  steps: commands,
  needs: dependsOn,
  requires: dependsOn,
  dependencies: dependsOn,
  after: dependsOn,
  output: artifacts,
  outputs: artifacts,
  outs: artifacts,
  cwd: workingDir,
  workdir: workingDir,
  'working-directory': workingDir,
  variables,
  vars: variables,
  params: variables,
  parameters: variables,
  docker: image,
  container: image,
  volumes: mounts,
  volume: mounts,
  privileged: capabilities,
  cap_add: capabilities,
  'cap-add': capabilities,
  network_mode: '`network: host` gives it the network of the machine',
  tags: labels,
  'runs-on': labels,
  schedule,
  cron: schedule,
  retries: 'how often it is tried again is `retry`: `retry: 2`',
  'timeout-minutes': 'how long it may take is `timeout`: `timeout: 90m`',
  strategy: '`matrix` stands by itself, without it',
  description: 'a text that explains it is `help`',
};
