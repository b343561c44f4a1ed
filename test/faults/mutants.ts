import type { Change } from './plant.ts';

/** A way to get the protocol wrong, and what must come of it. */
export interface Mutant extends Change {
  readonly name: string;
  /** The violation that the simulation has to find. */
  readonly kind: RegExp;
  /** The first seed, where it shows in one of some thousand histories only; unless given, 1. */
  readonly from?: number;
}

const claims = 'src/ledger/claims.ts';

export const mutants: readonly Mutant[] = [
  {
    name: 'a lease cancelled by a plus: whatever the ref points at, it is overwritten',
    file: 'src/ledger/compare-and-swap.ts',
    text: 'shared.push([{ ...update, from }], pushOptions)',
    by: 'shared.push([{ ...update, from: undefined }], pushOptions)',
    kind: /took \S+ over|without holding its claim|replaced its outcome|removed a claim/,
  },
  {
    name: 'no nonce: a renewal can be the very object that is there',
    file: claims,
    text: '...withArtifacts(kept), nonce: ledger.clock.id() }',
    by: '...withArtifacts(kept) }',
    kind: /took \S+ over from \S+ \d+ ms after its renewal/,
  },
  {
    name: "a finish without the claim's lease",
    file: claims,
    text: 'const result = await swapTo(commit, mayEnd);',
    by: `let result: SwapResult | 'unknown' = 'unknown';
        for (let attempt = 1; result === 'unknown'; attempt += 1) {
          if ((await shared.push([{ ref, from: undefined, to: commit }])).ok) result = 'won';
          else if (await mayEnd(attempt)) break;
        }`,
    kind: /without holding its claim|has two outcomes|replaced its outcome/,
  },
  {
    name: "a takeover by the wall clock: the claim's time against one's own",
    file: 'src/runner/lookout.ts',
    text: `      silence.observe(
        new Map([...tipsOf(live.claims), ...tipsOf(live.nodes)]),
        before,
        ledger.clock.monotonic(),
      );
      abandoned =`,
    by: `      const ages = new Map<string, number>();
      for (const { commit } of live.claims.values()) {
        const text = (await ledger.shared.read(commit))?.content.toString() ?? '';
        ages.set(commit, ledger.clock.now() / 1000 - Number(/^committer .* (\\d+) /m.exec(text)?.[1]));
      }
      silence.silentFor = (_key, tip) => ages.get(tip) ?? before * 0;
      abandoned =`,
    kind: /took \S+ over from \S+ \d+ ms after its renewal/,
  },
  {
    // The order of uploading and finishing is the runner's, in src/runner/carry-out.ts, which needs a real folder and
    // real programs; the simulated runner has the same order, and what is planted in it is a missing await.
    name: 'done before the upload',
    file: 'test/faults/simulation/execution.ts',
    text: 'await upload(stage, ledger, manifest);',
    by: 'void upload(stage, ledger, manifest);',
    kind: /done before its artifacts/,
  },
  {
    name: 'a takeover that forgets how many attempts there were',
    file: claims,
    text: 'attempt: (over?.claim.attempt ?? 0) + 1,',
    by: 'attempt: 1,',
    kind: /over as attempt 1 after attempt/,
  },
  {
    name: 'attempts without a limit',
    file: 'src/ledger/retries.ts',
    text: 'retry.on.includes(why) && countedAttempts(claim) <= retry.limit',
    by: 'retry.on.includes(why) && countedAttempts(claim) <= retry.limit + 1',
    kind: /executes \S+ for the \d+th time/,
  },
  {
    name: 'a further attempt that forgets which ones were given back',
    file: claims,
    text: 'givenBack: over?.claim.givenBack,',
    by: 'givenBack: undefined,',
    kind: /forgot how often \S+ was given back/,
  },
  {
    name: 'a checkpoint of which only the claim speaks',
    file: claims,
    text: '...told.files, ...manifestFile(kept)]',
    by: '...told.files]',
    kind: /speaks of what \S+ has not saved/,
  },
  {
    name: 'a renewal that builds on what there was before the checkpoint',
    file: claims,
    text: '          tree = nextTree;\n',
    by: '',
    kind: /speaks of what \S+ has not saved|lost what attempts of \S+ had saved/,
  },
  {
    name: 'who leaves deletes the claim, and what was saved',
    file: claims,
    text: `    giveBack(kept, giveUp = () => false) {
`,
    by: `    async giveBack(kept, giveUp = () => false) {
      if (over === null) {
        await remove();
        return 'won';
      }
`,
    kind: /removed what attempts of \S+ had saved/,
  },
  {
    name: 'a further attempt that begins with an empty tree',
    file: claims,
    text: 'let tree = over ? await treeOf(ledger, over.commit) : null;',
    by: 'let tree: string | null = null;',
    kind: /lost what attempts of \S+ had saved/,
  },
  {
    name: 'a further attempt at once',
    file: 'src/ledger/decide.ts',
    text: "const isFree = over === null || (stop !== null && over.claim.state === 'waiting');",
    by: "const isFree = over === null || over.claim.state === 'waiting';",
    kind: /took \S+ over from \S+ \d+ ms after its renewal/,
  },
  {
    name: 'whoever leaves forgets the attempts before his own',
    file: claims,
    text: 'if (over === null) return remove();',
    by: 'if (over === null || claim.attempt > 0) return remove();',
    kind: /removed what attempts of \S+ had saved/,
  },
  {
    name: 'no second look after a claim',
    file: claims,
    text: 'const found = await lookAgain(ledger, entry);',
    by: `void lookAgain;
  const found = 'waits' as Awaited<ReturnType<typeof lookAgain>>;`,
    kind: /executes \S+ .*which has ended|has two outcomes/,
  },
  {
    name: 'a submission that is tried again without looking brings back what has ended',
    file: 'src/ledger/submit.ts',
    text: 'const refs = await listAfter(ledger, prepared.run, [ref,',
    by: `if (!(await wait(attempt))) continue;
    const refs = await listAfter(ledger, prepared.run, [ref,`,
    kind: /brought \S+ back, which had ended/,
    from: 10_801,
  },
  {
    name: 'a lost reply is read as a lost claim',
    file: 'src/ledger/compare-and-swap.ts',
    text: 'problem ??= outcome?.failure;',
    by: "if (outcome) return 'lost';",
    kind: /took its own claim on \S+ for another's/,
  },
  {
    name: 'the cache in one push with the finish',
    file: claims,
    text: 'const result = await swapTo(commit, mayEnd);',
    by: `const cache = record.state === 'done' && record.cacheKey !== null ? [names.cache(record.cacheKey)] : [];
        const updates = [{ ref, from: tip, to: commit }, ...cache.map((ref) => ({ ref, from: undefined, to: commit }))];
        const result = (await shared.push(updates)).ok
          ? 'won'
          : await swapTo(commit, mayEnd);`,
    kind: /cache point at what is no outcome/,
  },
  {
    // An observer's lease is not among what it decides from: the shortest one here stands for its own.
    name: "an observer that goes by its own lease instead of the claim's",
    file: 'src/ledger/decide.ts',
    text: 'silence.silentFor(key, over.commit) < over.claim.lease',
    by: 'silence.silentFor(key, over.commit) < 6',
    kind: /took \S+ over from \S+ \d+ ms after its renewal; its lease is (12|18) s/,
  },
  {
    name: 'settling that removes the claim first',
    file: 'src/ledger/settle.ts',
    text: 'const wait = backOff(ledger.clock, 3);',
    by: `await shared.push(jobs.map(({ id, commit }) => ({ ref: ledger.names.job('claims', id), from: commit, to: null })));
  const wait = backOff(ledger.clock, 3);`,
    kind: /the outcome of \S+ is lost/,
  },
  {
    name: 'settling in one step that leaves out all but the end of the claim',
    file: 'src/ledger/settle.ts',
    text: 'const updates = [...missing, ...cacheEntries(ledger, jobs, now), ...ended];',
    by: 'const updates = [...ended];',
    kind: /the outcome of \S+ is lost/,
  },
  {
    name: 'nobody removes what submissions that were cut off have left',
    file: 'src/ledger/orphans.ts',
    text: 'return now - since >= after && !vouched.has(commit);',
    by: 'return now - since < 0;',
    kind: /queue\S+ is left over/,
    from: 841,
  },
  {
    name: 'a stand-in on top of whatever is there, expected or not',
    file: 'src/ledger/with-stand-ins.ts',
    text: 'return tip !== undefined && holdings.get(tip) === from ? tip : from;',
    by: 'return tip ?? from;',
    kind: /took \S+ over|without holding its claim|replaced its outcome|removed a claim/,
  },
  {
    name: 'a run whose ref is deleted before the archive has it',
    file: 'src/ledger/archive/fold.ts',
    text: 'if (fresh.length > 0) {',
    by: `if (fresh.length > 0) {
      await shared.push(fresh.map(({ name, commit }) => ({ ref: names.run(name), from: commit, to: null })));`,
    kind: /the run \S+ is lost/,
  },
  {
    name: 'an index that does not wait until the objects are kept',
    file: 'src/ledger/archive/fold.ts',
    text: 'if (!(await shared.push([{ ref: keepRef, from: before, to: keeper }])).ok) return false;',
    by: 'void shared.push([{ ref: keepRef, from: before, to: keeper }]);',
    kind: /nothing keeps/,
  },
  {
    name: 'a name that is looked for among the refs only',
    file: 'src/ledger/archive/with-archive.ts',
    text: 'if ((await archive.find(tips, run)) === null) continue;',
    by: 'if (tips.size >= 0 || (await archive.find(tips, run)) === null) continue;',
    kind: /took the name \S+, which is that of an archived run/,
  },
  {
    name: 'an offer that stands, whatever comes before it: gangs of which each has a half wait for each other',
    file: 'src/runner/gathering.ts',
    text: 'for (const [key, seat] of seats) if (!keys.has(key) && !seat.member) letGo(seat);',
    by: 'if ([...seats.values()].some((seat) => !seat.member)) return;',
    kind: /has not ended, though nothing has gone wrong/,
  },
  {
    name: 'a gang that begins before all of its nodes are ready',
    file: 'src/runner/gang-leader.ts',
    text: "peers.every(({ state }) => state === 'ready')",
    by: "peers.every(({ state }) => state !== 'called')",
    kind: /begins before \S+ is ready/,
  },
  {
    name: 'a node that does not see that its gang is over',
    file: 'src/ledger/gangs/fate.ts',
    text: "if (isDead || claim.gang?.id !== gang || claim.gang.phase === 'ending') return 'over';",
    by: "if (claim.gang?.phase === 'ending') return 'over';",
    kind: /has not ended, though nothing has gone wrong|two gangs of \S+ compute/,
  },
  {
    name: 'a node that is taken for dead before its lease has run out',
    file: 'src/runner/gathering.ts',
    text: 'return silence.silentFor(key, commit) >= node.lease;',
    by: 'return silence.silentFor(key, commit) >= node.lease / 2;',
    kind: /took \S+'s part in \S+ away/,
  },
];
