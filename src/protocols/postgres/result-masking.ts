import { detectionOf } from '../../masking/detectors.ts';
import type { HashKey } from '../../masking/strategies.ts';
import type { Judge } from './judgement.ts';
import type { MaskedColumns } from './masked-columns.ts';
import { type ResultMasking, resultMasking } from './result-plan.ts';

/** The session's masks ready for results, made anew only when masks or catalog have changed. */
export class ResultMaskingSource {
  readonly #judge: Judge;
  readonly #key: HashKey;
  #masked: MaskedColumns | undefined;
  #masking: ResultMasking | undefined;

  constructor(judge: Judge, key: HashKey) {
    this.#judge = judge;
    this.#key = key;
  }

  current(): ResultMasking {
    const masked = this.#judge.masked();
    if (this.#masking === undefined || this.#masked !== masked) {
      this.#masked = masked;
      this.#masking = resultMasking(masked, detectionOf(masked.detectorMasks), this.#key);
    }
    return this.#masking;
  }
}
