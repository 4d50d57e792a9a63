import {
  DETECTORS,
  type DetectorName,
  detectionOf,
  findSensitive,
  maskDetected,
} from '../../src/masking/detectors.ts';
import { hashKey } from '../../src/masking/strategies.ts';
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

/** Texts with nothing to find, of which each detector has much to look at. */
const IDLE: Readonly<Record<string, string>> = {
  prose: 'The quick brown fox jumps over the lazy dog and leaves at the door, gift wrapped as ever. ',
  logs: '2024-01-15 12:34:56.789012 INFO [worker-12] request id=1827364 user=10023 status=200 took 12.34ms bytes=40960\n',
  json: '{"id":18273645,"ts":1705321496,"amount":4077.20,"lat":52.520008,"lon":-13.404954,"n":[12,7,400]},',
  csv: '182736,2024-01-15,12.34,40960,400,SKU-4711\n',
};

/** Megabytes that all detectors together read in a second of one core's time. */
function detectorSpeed(line: string): number {
  const bytes = Buffer.from(line.repeat(Math.ceil(1_000_000 / line.length)));
  const all = detectionOf([{ detect: [...DETECTORS], strategy: 'redact', keepLast: 0 }]);
  const key = hashKey(Buffer.alloc(32));
  let best = 0;
  for (let round = 0; all && round < 8; round++) {
    const before = process.cpuUsage();
    if (maskDetected(bytes, 0, bytes.length, all, key) !== undefined)
      throw new Error('there is something in it');
    const { user, system } = process.cpuUsage(before);
    best = Math.max(best, bytes.length / (user + system));
  }
  return best;
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
  const speeds = Object.entries(IDLE).map(([name, line]) => `${name} ${detectorSpeed(line).toFixed(0)}`);
  console.log(`\nMB/s of CPU time, all detectors, nothing to find: ${speeds.join(', ')}`);
}
