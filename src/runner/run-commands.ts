import type { ExecutionResult, ExecutionSpec, ImageIdentity } from '../executor/executor.ts';
import type { JobSpec } from '../language/job-spec.ts';
import type { ClaimFile } from '../ledger/formats.ts';
import { grant, nothingAllowed } from './access.ts';
import type { Course } from './course.ts';
import { beyondMachine, lackedExecutor } from './fit.ts';
import type { LogPump } from './log-pump.ts';
import type { StateReport } from './state-report.ts';
import type { Workplace } from './workplace.ts';

/**
 * Runs a job's commands in its filled workspace to their end. Whatever goes wrong is a result with its reason.
 * @param course what it has of the machine; told at once what was started, so that it can be stopped, and when the
 *   commands begin and end
 */
export async function runCommands(
  work: Pick<Workplace, 'executors' | 'allow'>,
  claim: ClaimFile,
  spec: JobSpec,
  { workspace, home }: { workspace: string; home?: ExecutionSpec['home'] },
  pump: Pick<LogPump, 'push'>,
  states: Pick<StateReport, 'tell'>,
  course: Pick<Course, 'started' | 'begin' | 'limit' | 'allotment' | 'gang'>,
): Promise<ExecutionResult & { image?: ImageIdentity }> {
  const failed = (failure: string): ExecutionResult => ({ exitCode: null, signal: null, failure });
  const chosen = work.executors.choose(spec);
  if (!chosen) return failed(`it ${lackedExecutor(work.executors, spec)}, which this runner does not have`);
  const beyond = beyondMachine(work.executors, spec);
  if (beyond !== null) return failed(`it ${beyond}, which this machine does not have`);
  const granted = grant(work.allow ?? nothingAllowed, spec.access);
  if ('lacking' in granted) return failed(`it ${granted.lacking}`);
  if (chosen.notice) pump.push(Buffer.from(chosen.notice));
  const { runner, run, job, attempt, nonce } = claim;
  let startedAt: string | undefined;
  let image: ImageIdentity | undefined;
  const say = (line: string) => pump.push(Buffer.from(`dstack: ${line}\n`));
  try {
    const execution = await chosen.executor.start(
      {
        identity: { runner, run, job, attempt, nonce },
        image: spec.image,
        entrypoint: spec.entrypoint,
        commands: spec.commands,
        env: {
          ...spec.env,
          RUN_NAME: run,
          JOB_ID: `${run}/${job}`,
          DSTACK_ATTEMPT: String(attempt),
          PYTHONUNBUFFERED: '1',
          ...course.gang?.env,
        },
        workspace,
        workingDir: spec.workingDir,
        limits: spec.resources,
        gpus: spec.resources.gpu && course.allotment.gpus.map(({ id }) => id),
        ports: spec.ports,
        home,
        access: spec.access && { ...spec.access, mounts: granted.mounts },
        ...(course.gang?.rendezvous ? { rendezvous: course.gang.rendezvous } : {}),
      },
      {
        output: (chunk) => pump.push(chunk),
        port(port, at) {
          say(`port ${port} is at 127.0.0.1:${at} on ${claim.host}`);
        },
        image(found) {
          image = found;
        },
        notice: say,
        phase(phase, detail) {
          if (phase === 'running') {
            startedAt ??= new Date().toISOString();
            course.begin();
          }
          states.tell({
            state: phase,
            detail: detail?.slice(0, 500) ?? null,
            ...(startedAt === undefined ? {} : { startedAt }),
          });
        },
      },
    );
    const joint = course.gang?.join(execution) ?? execution;
    course.started(joint);
    return { ...(await joint.finished), ...(image && { image }) };
  } catch (error) {
    return failed((error as Error).message);
  } finally {
    course.limit.end();
  }
}
