import { visibleText } from '../base/visible-text.ts';

/** One line of text from outside: a name, an address, a message. */
export function visible(text: string): string {
  return visibleText(text).text;
}

/** Several lines of text from outside. */
export function visibleLines(text: string): string {
  return visibleText(text, { keepNewlines: true }).text;
}
