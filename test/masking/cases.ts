import { readFileSync } from 'node:fs';

/** One case of the masking corpus. */
export interface MaskingCase {
  readonly id: string;
  readonly technique: string;
  readonly statements: readonly string[];
  readonly expect: Outcome;
  readonly alsoOk: readonly Outcome[];
  /** Values and transformed values that no byte to the client may hold. */
  readonly secrets: readonly string[];
  /** Statements whose answer must not differ from the case's own. */
  readonly variant: readonly string[] | undefined;
  readonly parameters: readonly string[];
  /** Statements that another session of the target has run. */
  readonly otherSession: readonly string[];
  readonly role: string;
  readonly leastVersion: number;
}

export type Outcome = 'masked' | 'blocked' | 'clean';

interface Line {
  readonly id: string;
  readonly technique: string;
  readonly sql: string | readonly string[];
  readonly expect: Outcome;
  readonly also_ok?: readonly Outcome[];
  readonly secrets: readonly string[];
  readonly derived?: readonly string[];
  readonly oracle?: { readonly variant: string | readonly string[] };
  /** A look-up of a value that the client has: its answer differs from the variant's where it is allowed at all. */
  readonly lookup?: boolean;
  readonly params?: readonly string[];
  readonly session2?: readonly string[];
  readonly role?: string;
  readonly min_pg?: number;
}

const folder = new URL('../corpus/', import.meta.url);

/** Every secret of the schema: no case may show any of them, unless the client itself has sent it. */
export const SECRETS: readonly string[] = (
  JSON.parse(readFileSync(new URL('secrets.json', folder), 'utf8')) as { secrets: { value: string }[] }
).secrets.map(({ value }) => value);

/** Cases of a file of the corpus folder, one JSON object a line. */
export function readCases(name: string): readonly MaskingCase[] {
  return readFileSync(new URL(name, folder), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => caseOf(JSON.parse(line) as Line));
}

const listOf = (one: string | readonly string[]) => (typeof one === 'string' ? [one] : one);

function caseOf(line: Line): MaskingCase {
  return {
    id: line.id,
    technique: line.technique,
    statements: listOf(line.sql),
    expect: line.expect,
    alsoOk: line.also_ok ?? [],
    secrets: [...line.secrets, ...(line.derived ?? [])],
    variant: line.oracle && !line.lookup ? listOf(line.oracle.variant) : undefined,
    parameters: line.params ?? [],
    otherSession: line.session2 ?? [],
    role: line.role ?? 'hc_app',
    leastVersion: line.min_pg ?? 0,
  };
}
