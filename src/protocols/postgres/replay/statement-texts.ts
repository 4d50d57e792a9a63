import { z } from 'zod';

const reference = z.union([z.string(), z.number()]);

const decisionSchema = z.object({
  id: reference.optional(),
  text: z.string(),
  parameters: z.array(z.string().nullable()).optional(),
  outcome: z.string(),
  rule: z.string().nullable(),
  effects: z.array(z.string()),
});
const againSchema = z.object({
  ref: reference,
  parameters: z.array(z.string().nullable()).optional(),
});

export type Decided = z.infer<typeof decisionSchema>;

/** UTF-16 units of statement texts kept for references; the oldest are forgotten beyond that. */
const MOST_TEXT = 32 * 1024 * 1024;

/** Decisions by number: a statement that runs again is recorded as a reference to its first time. */
export class StatementTexts {
  readonly #known = new Map<string | number, Decided>();
  #kept = 0;

  /** The decision a frame's JSON holds or refers to; undefined when it is none. */
  resolve(value: unknown): Decided | undefined {
    const decided = decisionSchema.safeParse(value).data;
    if (decided) {
      if (decided.id !== undefined) this.#keep(decided.id, decided);
      return decided;
    }
    const again = againSchema.safeParse(value).data;
    if (!again) return undefined;
    const first = this.#known.get(again.ref);
    if (first) return again.parameters ? { ...first, parameters: again.parameters } : first;
    const text = `(statement ${again.ref}, shown further up)`;
    return { text, parameters: again.parameters ?? [], outcome: 'allow', rule: null, effects: [] };
  }

  #keep(id: string | number, decided: Decided): void {
    this.#known.set(id, decided);
    this.#kept += weight(decided);
    for (const [oldest, forgotten] of this.#known) {
      if (this.#kept <= MOST_TEXT || oldest === id) return;
      this.#known.delete(oldest);
      this.#kept -= weight(forgotten);
    }
  }
}

/** The entry itself counts too, so that many short ones are bounded as well. */
function weight(decided: Decided): number {
  return decided.text.length + decided.effects.join('').length + 500;
}
