import { DETECTORS, type DetectorName, findSensitive } from '../../src/masking/detectors.ts';
import { LABELLED } from '../unit/masking/labelled.ts';

export interface DetectorFigures {
  readonly name: DetectorName;
  /** Marked by people and found. */
  readonly right: number;
  readonly missed: number;
  /** Found and not marked. */
  readonly wrong: number;
}

/** Each detector against what people marked in the labelled texts. */
export function detectorFigures(): readonly DetectorFigures[] {
  return DETECTORS.map((name) => {
    let right = 0;
    let missed = 0;
    let wrong = 0;
    for (const { text, finds } of LABELLED) {
      const expected = finds.filter(([detector]) => detector === name).map(([, found]) => found);
      const bytes = Buffer.from(text);
      const actual = findSensitive(text, [name]).map(({ start, end }) => bytes.toString('utf8', start, end));
      right += actual.filter((found) => expected.includes(found)).length;
      wrong += actual.filter((found) => !expected.includes(found)).length;
      missed += expected.filter((found) => !actual.includes(found)).length;
    }
    return { name, right, missed, wrong };
  });
}

export function printDetectors(): void {
  const texts = `${LABELLED.length} labelled texts`;
  console.log(
    `\n${texts.padEnd(20)}${'marked'.padStart(8)}${'precision'.padStart(11)}${'recall'.padStart(9)}`,
  );
  for (const { name, right, missed, wrong } of detectorFigures()) {
    const precision = (right / (right + wrong)).toFixed(3);
    const recall = (right / (right + missed)).toFixed(3);
    console.log(
      `${name.padEnd(20)}${String(right + missed).padStart(8)}${precision.padStart(11)}${recall.padStart(9)}`,
    );
  }
}
