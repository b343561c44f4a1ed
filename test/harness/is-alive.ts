/** Is there a process of this id? One that has ended, and has not been asked for its end as yet, counts as one. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
