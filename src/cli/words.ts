import { UsageError } from '../base/errors.ts';
import { parseDuration } from '../base/quantities.ts';

type Value = string | readonly string[] | boolean | undefined;

/** The words of one command line, asked for by name and type. */
export class Words {
  private readonly given: ReadonlyMap<string, Value>;
  private readonly options: Readonly<Record<string, unknown>>;

  constructor(args: Readonly<Record<string, Value>>, options: Readonly<Record<string, unknown>>) {
    this.given = new Map(Object.entries(args));
    this.options = options;
  }

  /** A required argument; commander has made sure that it is there. */
  argument(name: string): string {
    const value = this.given.get(name);
    if (typeof value !== 'string') throw new UsageError('missing_argument', `<${name}> is missing`);
    return value;
  }

  optional(name: string): string | undefined {
    const value = this.given.get(name);
    return typeof value === 'string' ? value : undefined;
  }

  rest(name: string): readonly string[] {
    const value = this.given.get(name);
    return Array.isArray(value) ? value : [];
  }

  /** An option's text, by its long name in camelCase. */
  text(option: string): string | undefined {
    const value = this.options[option];
    return typeof value === 'string' ? value : undefined;
  }

  required(option: string, flag: string): string {
    const value = this.text(option);
    if (value !== undefined) return value;
    throw new UsageError('missing_flag', `${flag} is missing`);
  }

  flag(option: string): boolean {
    return this.options[option] === true;
  }

  /** `--no-OPTION` was given. */
  negated(option: string): boolean {
    return this.options[option] === false;
  }

  list(option: string): readonly string[] {
    const value = this.options[option];
    return Array.isArray(value) ? value.map(String) : [];
  }

  /** Milliseconds. */
  duration(option: string): number | undefined {
    const value = this.text(option);
    return value === undefined ? undefined : parseDuration(value);
  }

  wholeNumber(option: string, least: number, most: number): number | undefined {
    const value = this.text(option);
    if (value === undefined) return undefined;
    const number = Number(value);
    if (/^\d+$/.test(value) && number >= least && number <= most) return number;
    throw new UsageError(
      'bad_number',
      `--${option} takes a whole number from ${least} to ${most}, not "${value}"`,
    );
  }

  /** One of `choices`. */
  choice<T extends string>(option: string, choices: readonly T[]): T | undefined {
    const value = this.text(option);
    if (value === undefined) return undefined;
    const chosen = choices.find((choice) => choice === value);
    if (chosen !== undefined) return chosen;
    throw new UsageError('bad_value', `--${option} is one of ${choices.join(', ')}, not "${value}"`);
  }
}
