import type { Gang } from '../ledger/gangs/formats.ts';

/**
 * What a node finds in its environment: as `env://` of torch.distributed reads it with one process on each node, and under
 * the names from which torchrun takes the options that it isn't given.
 */
export function gangEnvironment({ address, port, members }: Gang, rank: number): Record<string, string> {
  const nodes = String(members.length + 1);
  return {
    MASTER_ADDR: address,
    MASTER_PORT: String(port),
    NODE_RANK: String(rank),
    RANK: String(rank),
    NNODES: nodes,
    WORLD_SIZE: nodes,
    PET_NNODES: nodes,
    PET_NODE_RANK: String(rank),
    PET_MASTER_ADDR: address,
    PET_MASTER_PORT: String(port),
  };
}
