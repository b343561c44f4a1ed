// Loaded before a command: writes how many KiB it had in memory at the most, once it ends, to the file that MEMORY_REPORT names.
const { writeFileSync } = require('node:fs');

process.on('exit', () => writeFileSync(process.env.MEMORY_REPORT, String(process.resourceUsage().maxRSS)));
