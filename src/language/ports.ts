import { port, portCount } from './quantities.ts';
import { byKind, mapped, readList, readQuantity, type Shape } from './readers.ts';
import type { LocatedText } from './source.ts';

/** Ports that a job listens on, or only how many it needs. */
export type Ports = { readonly list: readonly LocatedText[] } | { readonly count: LocatedText };

export const readPorts: Shape<Ports> = byKind<Ports>({
  scalar: mapped(readQuantity(portCount.schema), (count) => ({ count })),
  list: mapped(readList(readQuantity(port.schema)), (list) => ({ list })),
});
