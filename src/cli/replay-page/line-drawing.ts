/** DEC's line drawing (VT100 user guide, table 3-9). */
export const LINE_DRAWING = new Map(
  [...'`afgjklmnopqrstuvwxyz{|}~'].map((c, index) => [c, [...'◆▒°±┘┐┌└┼⎺⎻─⎼⎽├┤┴┬│≤≥π≠£·'][index] ?? c]),
);
