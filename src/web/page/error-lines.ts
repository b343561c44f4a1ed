const patterns = [
  /^Traceback \(most recent call last\)/,
  /^\s*[\w.]*(Error|Exception|Interrupt)\b\s*(:|$)/,
  /(^|[\s:[(])(error|fatal|panic|critical)\b\s*[:\])!]/i,
  /\b(CUDA )?out of memory\b/i,
  /\b(segmentation fault|core dumped|killed|command not found|no such file or directory)\b/i,
  /^\s*E\s{2,}\S/,
];

/** Does a line of a log look as if something went wrong there? */
export function isErrorLine(line: string): boolean {
  return patterns.some((pattern) => pattern.test(line));
}
