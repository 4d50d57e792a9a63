import type { A_Expr, FuncCall, Node } from 'libpg-query';
import { DATED_OIDS } from './builtins/total-functions.ts';
import { referredColumn } from './column-references.ts';
import type { Context } from './context.ts';
import { daysOfInterval } from './intervals.ts';
import { resolveFunctions, resolveType } from './names.ts';
import type { Scope } from './scope.ts';
import { constantText, nameParts } from './tree.ts';

/**
 * Arithmetic that cannot fail for a value that a column may hold, but for ones far beyond what anybody stores. Integers
 * overflow at a number that the client could choose by what it adds or multiplies, numbers of any size (numeric, float8)
 * only where two of them meet; so one such column, whole numbers beside it, and constants of a few digits.
 */
type Kind = 'constant' | 'whole' | 'number' | 'moment' | 'span';

/** Largest constant, and the most digits one is written with. */
const LARGEST = 1_000_000;
const MOST_DIGITS = 12;
const SMALLEST = 1 / LARGEST;
/** Operations within each other, and all told: constants multiplied with each other reach the end of float8. */
const MOST_STEPS = 6;
const MOST_OPERATIONS = 12;
/**
 * Days by which a moment is moved, all told: some 2,700 years. Timestamps begin in 4713 BC (PostgreSQL docs, table 8.9),
 * so that a stored one fails for no client's number.
 */
const MOST_DAYS = 1_000_000;

/** Whether the operation is such arithmetic. */
export function isSafeArithmetic(expr: A_Expr, scope: Scope, ctx: Context): boolean {
  const reading: Reading = { scope, ctx, columns: 0, days: 0, operations: 0 };
  return kindOfOperation(expr, reading, 0) !== undefined && reading.days <= MOST_DAYS;
}

interface Reading {
  readonly scope: Scope;
  readonly ctx: Context;
  /** Columns of numbers of any size so far. */
  columns: number;
  /** By which moments are moved so far. */
  days: number;
  operations: number;
}

function kindOfOperation(
  { kind, name, lexpr, rexpr }: A_Expr,
  reading: Reading,
  depth: number,
): Kind | undefined {
  const operator = nameParts(name).at(-1) ?? '';
  if (kind !== 'AEXPR_OP' || depth > MOST_STEPS || !/^[-+*/]$/.test(operator)) return undefined;
  if (++reading.operations > MOST_OPERATIONS) return undefined;
  const right = kindIn(rexpr, reading, depth + 1);
  if (lexpr === undefined) return operator === '-' && right !== 'moment' ? right : undefined;
  const left = kindIn(lexpr, reading, depth + 1);
  if (left === undefined || right === undefined) return undefined;
  if (operator === '/') return divided(left, rexpr);
  if (left === 'moment' || right === 'moment') {
    if (right === 'constant') reading.days += Math.abs(Number(constantText(rexpr)));
    return shifted(left, right, operator);
  }
  if (left === 'span' || right === 'span') return undefined;
  // Whole numbers by themselves overflow.
  if (left !== 'number' && right !== 'number') return undefined;
  return reading.columns <= 1 ? 'number' : undefined;
}

/** By a constant other than zero. */
function divided(left: Kind, divisor: Node | undefined): Kind | undefined {
  if (left !== 'number' && left !== 'whole') return undefined;
  if (divisor === undefined || ofConstant(divisor) === undefined) return undefined;
  return Number(constantText(divisor)) >= SMALLEST ? left : undefined;
}

function shifted(left: Kind, right: Kind, operator: string): Kind | undefined {
  if (left === 'moment' && right === 'moment') return operator === '-' ? 'span' : undefined;
  // A date and days.
  return left === 'moment' && (right === 'span' || right === 'constant') && operator !== '*'
    ? 'moment'
    : undefined;
}

const WHOLE_OIDS: ReadonlySet<number> = new Set([20, 21, 23]);
const NUMBER_OIDS: ReadonlySet<number> = new Set([700, 701, 1700]);

function kindIn(node: Node | undefined, reading: Reading, depth: number): Kind | undefined {
  const { scope, ctx } = reading;
  if (node === undefined) return undefined;
  if ('A_Const' in node) return ofConstant(node);
  if ('SQLValueFunction' in node) return 'moment';
  if ('A_Expr' in node) return kindOfOperation(node.A_Expr, reading, depth);
  if ('FuncCall' in node) return ofCall(node.FuncCall, reading, depth);
  if ('TypeCast' in node) {
    const { arg, typeName } = node.TypeCast;
    const type = nameParts(typeName?.names).at(-1);
    if (resolveType(typeName?.names, ctx) || typeName?.typmods?.length || typeName?.arrayBounds?.length)
      return undefined;
    if (type === 'interval') {
      const days = daysOfInterval(constantText(arg) ?? '');
      reading.days += days ?? 0;
      return days === undefined ? undefined : 'span';
    }
    const inner = kindIn(arg, reading, depth + 1);
    if (type === 'numeric' || type === 'float8')
      return inner === 'whole' || inner === 'number' ? 'number' : undefined;
    return undefined;
  }
  const column = referredColumn(node, scope, ctx);
  if (!column?.plain) return undefined;
  if (WHOLE_OIDS.has(column.typeOid ?? 0)) return 'whole';
  if (DATED_OIDS.has(column.typeOid ?? 0)) return 'moment';
  if (!NUMBER_OIDS.has(column.typeOid ?? 0)) return undefined;
  reading.columns++;
  return 'number';
}

function ofConstant(node: Node): Kind | undefined {
  const text = constantText(node) ?? '';
  if ('A_Const' in node && 'sval' in node.A_Const) return undefined;
  if (text === '' || text.length > MOST_DIGITS || !(Math.abs(Number(text)) <= LARGEST)) return undefined;
  // Of a negative one the minus is its own: `salary * -1000000` overflows as an integer.
  return /^-?\d+$/.test(text) ? 'constant' : 'number';
}

const MOMENTS: ReadonlySet<string> = new Set([
  'now',
  'transaction_timestamp',
  'statement_timestamp',
  'date_trunc',
]);
/** Of a column, these are of a size that no column's own value has to have. */
const AGGREGATES: ReadonlySet<string> = new Set(['sum', 'avg', 'round', 'floor', 'ceil', 'ceiling', 'abs']);

function ofCall({ funcname, args = [] }: FuncCall, reading: Reading, depth: number): Kind | undefined {
  const found = resolveFunctions(nameParts(funcname), args.length, reading.ctx);
  if (found.builtin === undefined || found.candidates.length > 0 || found.opaque) return undefined;
  if (MOMENTS.has(found.builtin)) {
    const [, from] = args;
    return found.builtin !== 'date_trunc' || kindIn(from, reading, depth + 1) === 'moment'
      ? 'moment'
      : undefined;
  }
  if (found.builtin === 'extract' || found.builtin === 'date_part') return 'number';
  if (!AGGREGATES.has(found.builtin)) return undefined;
  const inner = kindIn(args[0], reading, depth + 1);
  // The sum of integers is a bigint, that of bigints a numeric.
  return inner === 'number' || (inner === 'whole' && found.builtin === 'avg') ? 'number' : undefined;
}
