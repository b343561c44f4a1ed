// For tests: ends the process, as by `kill -9`, at its DIE_AT-th step that changes a file or calls Git.
const count = { left: Number(process.env.DIE_AT) };
const step = () => {
  count.left -= 1;
  if (count.left === 0) process.kill(process.pid, 'SIGKILL');
};
const wrap = (module, names) => {
  for (const name of names) {
    const inner = module[name];
    module[name] = (...args) => {
      step();
      return inner.apply(module, args);
    };
  }
};
wrap(require('node:fs/promises'), ['rename', 'rm', 'rmdir', 'open', 'mkdir']);
wrap(require('node:child_process'), ['spawn', 'execFile']);
