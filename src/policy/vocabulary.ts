import { EFFECTS } from '../sql/facts.ts';

/** The words that a policy file may use besides its keys. */
export interface Vocabulary {
  readonly effects: readonly string[];
  /** Conditions that analysis finds in the parse tree. */
  readonly conditions: readonly string[];
  /** Detectors of values that look secret. */
  readonly detectors: readonly string[];
}

/** What this version's analysis and masking know. */
export const VOCABULARY: Vocabulary = {
  effects: EFFECTS,
  conditions: [
    'update-without-where',
    'delete-without-where',
    'dangerous-session-change',
    'reads-statistics',
  ],
  detectors: ['credit_card', 'email', 'us_ssn', 'phone', 'iban', 'api_key', 'jwt', 'private_key'],
};
