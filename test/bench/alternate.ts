/** One of several that are measured in turn: does it once, and says what that took. */
export type Side = (round: number) => Promise<number>;

/**
 * Measures the sides in turn, round after round, in one order and then in the other, so that none of them always
 * comes after the same one. A first round is not counted: it fills caches.
 * @returns what each round took, by side
 */
export async function alternate<Name extends string>(
  sides: Readonly<Record<Name, Side>>,
  rounds: number,
  options: { warmUp?: boolean } = {},
): Promise<Record<Name, number[]>> {
  const names = Object.keys(sides) as Name[];
  const taken = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  for (let round = options.warmUp === false ? 1 : 0; round <= rounds; round += 1) {
    for (const name of round % 2 === 0 ? names : [...names].reverse()) {
      const value = await sides[name](round);
      if (round > 0) taken[name].push(value);
    }
  }
  return taken;
}
