/** Names that a policy's `when` may use; analysis finds them in the parse tree. */
export const CONDITIONS = [
  'update-without-where',
  'delete-without-where',
  'dangerous-session-change',
  'standard-conforming-strings-off',
  'client-encoding-change',
  'reads-statistics',
  'reads-every-table',
  'reads-raw-storage',
  'reaches-outside',
  'ddl-without-concurrently',
  'lock-without-timeout',
  'cross-schema',
] as const;

export type Condition = (typeof CONDITIONS)[number];
