import type { Reporter, TestModule } from 'vitest/node';

/**
 * Closes a run with one plain line, `N passed, N failed, N skipped`, that scripts can read without knowing the
 * runner. A file that could not be loaded counts as one failure, as do errors outside every test.
 */
export class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const counts = { passed: 0, failed: errors.length, skipped: 0, pending: 0 };
    for (const module of modules) {
      let failedTests = 0;
      for (const test of module.children.allTests()) {
        const state = test.result().state;
        counts[state]++;
        if (state === 'failed') failedTests++;
      }
      // A failed hook or import fails the module though none of its tests says so.
      if (module.state() === 'failed' && failedTests === 0) counts.failed++;
    }
    const line = `${counts.passed} passed, ${counts.failed} failed, ${counts.skipped + counts.pending} skipped`;
    // The runner's own reporters write their summary in the same event, after this one's turn at the latest.
    process.once('exit', () => process.stdout.write(`${line}\n`));
  }
}
