import { LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import { UsageError } from '../base/errors.ts';
import { didYouMean } from '../base/nearest.ts';
import { LONGEST_REASON, LONGEST_TICKET } from './requirement.ts';
import { DECISIONS } from './schema.ts';
import { locator } from './source-map.ts';

/** A table of expectations kept beside a policy; YAML, of which JSON is a part. */

/** `allow`, `approve` or `block`, alone or with the rule that must be the reason: `block by no-ddl`. */
const EXPECT = /^(allow|approve|block)(?: by ([A-Za-z0-9][A-Za-z0-9._@+-]*|default))?$/;

const expectationSchema = z.strictObject({
  as: z.string().min(1).max(128),
  connection: z.string().min(1).max(128),
  statement: z.string().max(1_048_576),
  /** What the requester says of its work, for rules that require it. */
  reason: z.string().max(LONGEST_REASON).optional(),
  ticket: z.string().max(LONGEST_TICKET).optional(),
  expect: z.string(),
});
const tableSchema = z.array(expectationSchema).min(1).max(10_000);

export interface Expectation {
  readonly as: string;
  readonly connection: string;
  readonly statement: string;
  readonly reason?: string | undefined;
  readonly ticket?: string | undefined;
  /** As written. */
  readonly expect: string;
  readonly outcome: (typeof DECISIONS)[number];
  /** The rule that must decide, `default` for none; undefined when any may. */
  readonly rule: string | undefined;
}

export interface TestResult {
  readonly as: string;
  readonly connection: string;
  readonly statement: string;
  readonly expect: string;
  readonly got: string;
  readonly rule: string | null;
  readonly ok: boolean;
}

export interface TestReport {
  readonly passed: number;
  readonly failed: number;
  readonly results: TestResult[];
}

/** What the judge of one expectation says; a name that does not exist is its to throw. */
export interface Judgement {
  readonly outcome: string;
  readonly rule: string | undefined;
}

/** Reads a table. Throws UsageError `bad_policy_tests` with line and column of the first thing that is off. */
export function parseExpectations(text: string): readonly Expectation[] {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, stringKeys: true });
  const syntax = document.errors[0] ?? document.warnings[0];
  if (syntax) {
    const { line, col } = lines.linePos(syntax.pos[0]);
    throw bad(`${line}:${col}: ${syntax.message.split('\n')[0]}`);
  }
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 100 });
  } catch {
    throw bad('it cannot be read as YAML');
  }
  const read = tableSchema.safeParse(value);
  const locate = locator(document, lines);
  const place = (path: readonly (string | number)[]): string => {
    const at = locate(path);
    return at === undefined ? '' : `${at.line}:${at.column}: `;
  };
  if (!read.success) {
    const issue = read.error.issues[0];
    const path = (issue?.path ?? []).map((step) => (typeof step === 'number' ? step : String(step)));
    throw bad(`${place(path)}${issueWords(issue)}`);
  }
  return read.data.map((row, i) => {
    const match = EXPECT.exec(row.expect);
    if (match === null) {
      throw bad(
        `${place([i, 'expect'])}"${row.expect}" is not an expectation${didYouMean(row.expect, DECISIONS)}`,
      );
    }
    return { ...row, outcome: outcomeNamed(match[1]), rule: match[2] };
  });
}

/** Judges every row in order and compares. `judge` knows identities, connections and statements. */
export async function runPolicyTests(
  expectations: readonly Expectation[],
  judge: (expectation: Expectation) => Promise<Judgement> | Judgement,
): Promise<TestReport> {
  const results: TestResult[] = [];
  for (const expectation of expectations) {
    const { outcome, rule } = await judge(expectation);
    const ok =
      outcome === expectation.outcome &&
      (expectation.rule === undefined || expectation.rule === (rule ?? 'default'));
    const { as, connection, statement, expect } = expectation;
    results.push({ as, connection, statement, expect, got: outcome, rule: rule ?? null, ok });
  }
  const passed = results.filter((result) => result.ok).length;
  return { passed, failed: results.length - passed, results };
}

function outcomeNamed(word: string | undefined): Expectation['outcome'] {
  return DECISIONS.find((decision) => decision === word) ?? 'block';
}

function issueWords(issue: z.core.$ZodIssue | undefined): string {
  if (issue === undefined) return 'it cannot be read';
  const key = issue.path.findLast((step) => typeof step === 'string');
  if (issue.code === 'unrecognized_keys') {
    const [unknown = ''] = issue.keys;
    return `unknown key "${unknown}"${didYouMean(unknown, Object.keys(expectationSchema.shape))}`;
  }
  if (key === undefined) return 'it must be a list of {as, connection, statement, expect}';
  if (issue.code === 'too_big') return `"${String(key)}" is too long`;
  const may = key === 'reason' || key === 'ticket';
  return `"${String(key)}" must be text${may ? '' : ' and must not be left out'}`;
}

function bad(message: string): UsageError {
  return new UsageError('bad_policy_tests', `the tests cannot be read: ${message}`, {
    next: 'write a list of {as, connection, statement, expect: allow | approve | block | block by RULE}',
  });
}
