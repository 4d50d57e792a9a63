import type { Reporter, TestModule } from 'vitest/node';

/** What the summary needs of a test file. */
export type FinishedModule = Pick<TestModule, 'state'> & {
  readonly children: { allTests(): Iterable<{ result(): { readonly state: string } }> };
};

/**
 * Closes a run with one plain line, `N passed, N failed, N skipped`, that scripts can read without knowing the
 * runner.
 */
export class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const line = summaryLine(modules, errors.length);
    // The runner's own reporter prints its summary in the same event; the exit comes after all of them.
    process.once('exit', () => process.stdout.write(`${line}\n`));
  }
}

/** A file whose hooks or imports failed counts as one failure though none of its tests says so, as does an error outside every file. */
export function summaryLine(modules: readonly FinishedModule[], errorsOutside: number): string {
  const states = modules.flatMap((module) => {
    const ofTests = [...module.children.allTests()].map((test) => test.result().state);
    return module.state() === 'failed' && !ofTests.includes('failed') ? [...ofTests, 'failed'] : ofTests;
  });
  const count = (state: string) => states.filter((other) => other === state).length;
  return `${count('passed')} passed, ${count('failed') + errorsOutside} failed, ${count('skipped') + count('pending')} skipped`;
}
