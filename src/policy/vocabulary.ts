import { DETECTORS } from '../masking/detectors.ts';
import { CONDITIONS } from '../sql/conditions.ts';

/** The words that a policy file may use besides its keys and their fixed values. */
export interface Vocabulary {
  /** Conditions that analysis finds in the parse tree. */
  readonly conditions: readonly string[];
  /** Detectors of values that look secret. */
  readonly detectors: readonly string[];
}

/** What this version's analysis and masking know. */
export const VOCABULARY: Vocabulary = { conditions: CONDITIONS, detectors: DETECTORS };
