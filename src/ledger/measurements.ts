/** What a job measured, at one step or in the end: numbers mostly. Those that JSON has none for are `NaN` and `Infinity`. */
export type Measurements = Readonly<Record<string, number | string | boolean>>;

/** One value, by a name that may be that of something every object has; undefined: not measured. */
export function measurementOf(measured: Measurements, name: string): Measurements[string] | undefined {
  return Object.hasOwn(measured, name) ? measured[name] : undefined;
}
