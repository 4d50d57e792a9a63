import type { Words } from './words.ts';

/** What a requester says of its work. */
export interface StatedOptions {
  readonly reason: string | undefined;
  readonly ticket: string | undefined;
}

export function statedWords(words: Words): StatedOptions {
  return { reason: words.text('reason'), ticket: words.text('ticket') };
}

/** As the API takes it. */
export function statedOf({ reason, ticket }: StatedOptions): { reason?: string; ticket?: string } {
  return { ...(reason === undefined ? {} : { reason }), ...(ticket === undefined ? {} : { ticket }) };
}
