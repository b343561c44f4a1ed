import { paths, patterns, type World, type WorldWorkflow } from './world.ts';

/** Numbers that a test draws, and that an edit takes what it needs from. */
export type Draw = (count: number) => number;

const variableNames = ['v0', 'v1', 'v2', 'v3'];

/** A project of some files and of workflows that depend on one another. */
export function drawWorld(draw: Draw): World {
  const world: World = { files: new Map(), variables: new Map(), workflows: [], comment: 'first' };
  for (const path of paths) {
    if (draw(4) > 0) world.files.set(path, { content: `content ${draw(3)}\n`, executable: draw(5) === 0 });
  }
  for (const name of variableNames) world.variables.set(name, `${draw(3)}`);
  const count = 2 + draw(5);
  for (let index = 0; index < count; index += 1) world.workflows.push(drawWorkflow(world, index, draw));
  return world;
}

function drawWorkflow({ workflows }: World, index: number, draw: Draw): WorldWorkflow {
  return {
    name: `w${index}`,
    label: `label${draw(2)}`,
    image: draw(3) > 0 ? `image${draw(2)}` : null,
    workingDir: draw(4) > 0 ? '.' : 'a',
    include: draw(5) > 0 ? some(patterns, 1 + draw(3), draw) : null,
    exclude: draw(3) === 0 ? some(patterns, 1, draw) : [],
    variables: draw(5) > 0 ? some(variableNames, draw(3), draw) : null,
    env: `setting${draw(2)}`,
    needs: some(workflows, draw(3), draw),
    cells: draw(3) === 0 ? ['x', 'y', 'z'].slice(0, 2 + draw(2)) : ['x'],
    artifact: `out/w${index}`,
    namesRun: draw(3) === 0,
  };
}

function some<T>(all: readonly T[], count: number, draw: Draw): T[] {
  const rest = [...all];
  const chosen = new Set<T>();
  for (let index = 0; index < count && rest.length > 0; index += 1)
    chosen.add(rest.splice(draw(rest.length), 1)[0] as T);
  // In an order of their own, so that it is no difference.
  return all.filter((one) => chosen.has(one));
}

const edits: ((world: World, draw: Draw) => void)[] = [
  ({ files }, draw) => {
    const path = pick(paths, draw);
    files.set(path, { content: `content ${draw(3)}\n`, executable: files.get(path)?.executable ?? false });
  },
  ({ files }, draw) => void files.delete(pick(paths, draw)),
  ({ files }, draw) => {
    const path = pick(paths, draw);
    const file = files.get(path);
    if (file) files.set(path, { ...file, executable: !file.executable });
  },
  ({ files }, draw) => {
    const [from, to] = [pick(paths, draw), pick(paths, draw)];
    const file = files.get(from);
    if (!file) return;
    files.delete(from);
    files.set(to, file);
  },
  ({ variables }, draw) => void variables.set(pick(variableNames, draw), `${draw(3)}`),
  (world, draw) => {
    world.comment = `comment ${draw(5)}`;
  },
  edit((workflow, draw) => {
    workflow.label = `label${draw(3)}`;
  }),
  edit((workflow, draw) => {
    workflow.image = draw(3) > 0 ? `image${draw(2)}` : null;
  }),
  edit((workflow, draw) => {
    workflow.env = `setting${draw(3)}`;
  }),
  edit((workflow, draw) => {
    workflow.workingDir = draw(2) > 0 ? '.' : 'a';
  }),
  edit((workflow, draw) => {
    workflow.include = draw(6) > 0 ? some(patterns, 1 + draw(3), draw) : null;
  }),
  edit((workflow, draw) => {
    workflow.exclude = some(patterns, draw(2), draw);
  }),
  edit((workflow, draw) => {
    workflow.variables = draw(5) > 0 ? some(variableNames, draw(3), draw) : null;
  }),
  edit((workflow, draw) => {
    workflow.artifact = `out/${workflow.name.split('.')[0]}${draw(2) > 0 ? '' : '-more'}`;
  }),
  edit((workflow, draw) => {
    workflow.cells = ['x', 'y', 'z'].slice(draw(2), 2 + draw(2));
  }),
  // The same cells under one another's names.
  edit((workflow) => {
    workflow.cells = workflow.cells.toReversed();
  }),
  edit((workflow, draw, { workflows }) => {
    workflow.needs = some(workflows.slice(0, workflows.indexOf(workflow)), draw(3), draw);
  }),
  // Called otherwise, it is the same.
  edit((workflow) => {
    workflow.name = workflow.name.includes('.') ? workflow.name.split('.')[0]! : `${workflow.name}.again`;
  }),
];

function edit(change: (workflow: WorldWorkflow, draw: Draw, world: World) => void) {
  return (world: World, draw: Draw) => change(pick(world.workflows, draw), draw, world);
}

/** Changes one thing, or nothing. */
export function editWorld(world: World, draw: Draw): void {
  pick(edits, draw)(world, draw);
}

export function pick<T>(all: readonly T[], draw: Draw): T {
  return all[draw(all.length)] as T;
}

/** Variables that are given on the command line. */
export function drawOverrides(known: ReadonlySet<string>, draw: Draw): Record<string, string> {
  if (known.size === 0 || draw(3) > 0) return {};
  return { [pick([...known].sort(), draw)]: `${draw(4)}` };
}
