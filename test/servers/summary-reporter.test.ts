import { expect, test } from 'vitest';
import { type FinishedModule, summaryLine } from './summary-reporter.ts';

function finished(state: 'passed' | 'failed', ...states: string[]): FinishedModule {
  const tests = states.map((one) => ({ result: () => ({ state: one }) }));
  return { state: () => state, children: { allTests: () => tests } };
}

test('tests are counted over all files', () => {
  const modules = [finished('failed', 'passed', 'failed', 'skipped'), finished('passed', 'passed', 'passed')];
  expect(summaryLine(modules, 0)).toBe('3 passed, 1 failed, 1 skipped');
});

test('a file that could not be loaded is a failure', () => {
  expect(summaryLine([finished('failed')], 0)).toBe('0 passed, 1 failed, 0 skipped');
});

test('a failed hook is a failure though every test of its file passed or never ran', () => {
  expect(summaryLine([finished('failed', 'passed', 'pending')], 0)).toBe('1 passed, 1 failed, 1 skipped');
});

test('an error outside every test is a failure', () => {
  expect(summaryLine([finished('passed', 'passed')], 2)).toBe('1 passed, 2 failed, 0 skipped');
});
