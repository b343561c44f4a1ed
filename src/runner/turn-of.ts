import type { Action } from '../ledger/decide.ts';
import { jobName } from '../ledger/refs.ts';
import type { Turns } from './candidates.ts';

/** What another runner has finished, it is given this time to settle itself; milliseconds. */
const settlingMs = 5_000;

/** Milliseconds until it is this runner's turn to do something that others could do as well. */
export function turnOf(turns: Turns, action: Action, place: number): number {
  const id = action.do === 'settle' ? action.id : action.entry.id;
  const since = action.do === 'settle' ? action.commit : (action.over?.commit ?? '');
  const headStart = action.do === 'settle' ? settlingMs : 0;
  return turns.dueIn(`${action.do} ${jobName(id)} ${since}`, place, headStart);
}
