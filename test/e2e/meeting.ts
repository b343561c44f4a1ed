/**
 * A program for the nodes of a job. Every node says its rank to that of rank 0, which answers once it has heard of all; as torch's TCP store does.
 * Its argument is a folder in which it notes that, waits while there is `hold`, and fails if there is `fail-RANK`.
 */
export const meet = `
import { appendFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
const { MASTER_ADDR: host, MASTER_PORT: port, NODE_RANK: rank, WORLD_SIZE: size, NNODES, PET_NODE_RANK, RANK } = process.env;
const root = process.argv[2];
if (NNODES !== size || PET_NODE_RANK !== rank || RANK !== rank) throw new Error('they contradict each other');
const meeting = rank === '0' ? lead() : join();
const ranks = await meeting;
console.log('met', ranks);
mkdirSync('out', { recursive: true });
writeFileSync('out/rank-' + rank, ranks + '\\n');
if (root) appendFileSync(root + '/met', [process.env.DSTACK_ATTEMPT, rank, process.pid, process.cwd()].join(' ') + '\\n');
while (existsSync(root + '/hold')) await new Promise((resolve) => setTimeout(resolve, 50));
if (existsSync(root + '/fail-' + rank)) process.exit(7);
process.exit(0);

function lead() {
  return new Promise((resolve) => {
    const peers = new Map();
    createServer((socket) => socket.on('error', () => {}).on('data', (data) => {
      peers.set(data.toString(), socket);
      if (peers.size < size - 1) return;
      const ranks = ['0', ...[...peers.keys()].sort()].join(',');
      for (const peer of peers.values()) peer.end(ranks);
      resolve(ranks);
    })).listen(Number(port));
  });
}
async function join() {
  for (;;) {
    const answer = await new Promise((resolve) => {
      const socket = connect(Number(port), host, () => socket.write(rank));
      socket.on('data', (data) => resolve(data.toString()));
      // What publishes a port accepts before anybody listens behind it, and hangs up then.
      socket.on('error', () => {}).on('close', () => resolve(null));
    });
    if (answer !== null) return answer;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
`;
