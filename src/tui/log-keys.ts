/** What the keys do where a log has a screen of its own, line by line. */
export const logKeys: readonly string[] = [
  'j k ↓ ↑           a line down, up',
  'space b PgDn PgUp a page down, up',
  'd u               half a page down, up',
  'g G Home End      the beginning, the end',
  'F                 follow: stay at the end as it grows',
  '/                 search; n N the next, the one before',
  'e E               the next error, the one before',
  't                 when lines were written',
  'w                 long lines wrapped, or cut; → ← then move',
  'q                 leave',
];
