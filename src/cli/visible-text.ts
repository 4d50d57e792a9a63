import { visibleText } from '../base/visible-text.ts';

/** One line of text from outside: a name, an address, a message. */
export function visible(text: string): string {
  return visibleText(text).text;
}

/** Several lines of text from outside. */
export function visibleLines(text: string): string {
  return visibleText(text, { keepNewlines: true }).text;
}

/** ECMA-48: control sequences, and strings with their end. */
const TERMINAL_SEQUENCES =
  /\x1b\[[0-?]*[ -/]*[@-~]|\x1b[PX\]^_][^\x07\x1b]*(\x07|\x1b\\)|\x1b[ -/]*[0-Z\\-~]/g;

/** What a terminal would act on instead of showing it is left out. */
export function withoutSequences(text: string): string {
  return text.replace(TERMINAL_SEQUENCES, '');
}
