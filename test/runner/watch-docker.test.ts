import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { watchDocker } from '../../src/runner/watch-docker.ts';

/** A clock that is moved by hand, and a Docker that is switched on and off. */
function docker(answers: boolean) {
  const state = { ok: answers, at: 0, asked: 0 };
  const check = async () => {
    state.asked += 1;
    return state.ok
      ? { ok: true, detail: 'Docker 27 at unix:///s' }
      : { ok: false, detail: 'Docker is not running' };
  };
  return { state, watch: watchDocker({ check }, answers, () => state.at) };
}

test('says once when Docker goes, and once when it comes back', async () => {
  const { state, watch } = docker(true);
  state.at += 3_000;
  assert.is(await watch.look(), null);
  state.ok = false;
  state.at += 3_000;
  assert.match(
    (await watch.look()) ?? '',
    /^Docker is not running; until it answers, jobs with an image are left/,
  );
  assert.is(watch.answers(), false);
  state.at += 3_000;
  assert.is(await watch.look(), null);
  state.ok = true;
  state.at += 3_000;
  assert.is(watch.answers(), false, 'nobody has looked yet');
  assert.is(await watch.look(), 'Docker 27 at unix:///s answers: jobs with an image are taken');
  assert.is(watch.answers(), true);
});

test('does not ask at each look', async () => {
  const { state, watch } = docker(true);
  state.at += 3_000;
  for (let looks = 0; looks < 5; looks += 1) await watch.look();
  assert.is(state.asked, 1);
});

test('is not held up by a Docker that hangs: that one is gone until it answers', async () => {
  let at = 0;
  let asked = 0;
  let answer = (_: { ok: boolean; detail: string }) => {};
  const hanging = new Promise<{ ok: boolean; detail: string }>((resolve) => {
    answer = resolve;
  });
  const check = () => {
    asked += 1;
    return hanging;
  };
  // It was gone before, so that nobody waits for long.
  const watch = watchDocker({ check }, false, () => at);
  for (let looks = 0; looks < 3; looks += 1) {
    at += 3_000;
    assert.is(await watch.look(), null);
  }
  assert.is(asked, 1, 'nor asked again meanwhile');
  answer({ ok: true, detail: 'Docker' });
  at += 3_000;
  assert.match((await watch.look()) ?? '', /^Docker answers/);
});

test.run();
