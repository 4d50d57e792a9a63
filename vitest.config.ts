import { defineConfig } from 'vitest/config';
import { SummaryReporter } from './test/servers/summary-reporter.ts';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/servers/property-seed.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // A poll ends with the event; this is how long a busy machine may take to bring it.
    expect: { poll: { timeout: 15_000 } },
    // Most of the time they wait: for servers, clients, people.
    maxWorkers: 3,
    pool: 'forks',
    reporters: ['default', new SummaryReporter()],
  },
});
