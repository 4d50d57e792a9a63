import { chmodSync, mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HoopError } from '../base/errors.ts';
import { newSecret } from '../base/ids.ts';
import { Closing } from './closing.ts';
import { governedSession } from './governed-session.ts';
import { leaveRunning } from './kept.ts';
import { prepareOffice } from './office.ts';
import { review } from './review.ts';
import { startSamplePostgres } from './sample-postgres.ts';
import { openShop } from './shop.ts';
import { type DemoIo, Stage, wrapLine } from './stage.ts';

export type { DemoIo } from './stage.ts';

export interface DemoOptions {
  /** Leave the sample database and the daemon running, and say how to use and how to end them. */
  readonly keep: boolean;
}

const STEPS = 10;
const OWNER = { name: 'owner' } as const;

/**
 * The main job from an empty machine: a sample PostgreSQL, a daemon with a throwaway state directory, a governed
 * session through the real wire path, its replay and the proof of the audit log. Every command is the real one, run
 * as a process; every outcome is checked. Settles with the exit code: 0 only when all of it happened.
 */
export async function runDemo(options: DemoOptions, io: DemoIo): Promise<number> {
  const closing = new Closing();
  const interruption = onInterrupt();
  const dir = mkdtempSync(join(tmpdir(), 'hoopctl-demo-'));
  // The database server may run as another user and lives below; what is private has its own mode.
  chmodSync(dir, 0o711);
  closing.add(() => rm(dir, { recursive: true, force: true, maxRetries: 5 }));
  const stage = new Stage(io, join(dir, 'state'), STEPS);
  const showing = show(stage, dir, options, closing);
  try {
    const code = await Promise.race([showing, interruption.code]);
    if (code === 0 && options.keep) return code;
    await stage.end();
    await closing.close();
    // An interrupted step may have opened something more while it was failing.
    await showing.catch(() => {});
    await closing.close();
    return code;
  } catch (error) {
    io.stderr.write(`\nhoopctl demo: step ${stage.current} failed: ${words(error)}\n`);
    await closing.close();
    return 1;
  } finally {
    interruption.release();
  }
}

async function show(stage: Stage, dir: string, options: DemoOptions, closing: Closing): Promise<number> {
  const started = performance.now();
  stage.print('hoopctl demo: an agent, a production database, and what stands between them.');
  stage.print(wrapLine(`Everything lives in ${dir}${options.keep ? '.' : ' and is removed at the end.'}`));

  stage.begin('A sample PostgreSQL with a shop in it');
  const server = await startSamplePostgres({ prefer: ['embedded', 'system'], dir: join(dir, 'postgres') });
  closing.add(() => server.stop());
  const shop = await openShop(server);
  closing.add(() => shop.direct.end());
  const counted = Object.entries(shop.counts).map(([table, rows]) => `${rows} ${table}`);
  stage.print(`  PostgreSQL ${server.version} on 127.0.0.1:${server.port}: ${counted.join(', ')}`);

  const passphrase = newSecret(12);
  closing.add(() => stage.run(OWNER, ['daemon', 'stop']));
  const actors = await prepareOffice({ stage, dir, server, shop, owner: OWNER, passphrase, closing });
  await governedSession({ stage, shop, ...actors, passphrase, closing });
  await review({ stage, shop, owner: OWNER });

  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  stage.print(`\nAll of it happened, in ${seconds} s.`);
  if (options.keep) {
    await shop.direct.end();
    leaveRunning({ stage, dir, server, passphrase, ...actors });
  }
  return 0;
}

function onInterrupt(): { readonly code: Promise<number>; release(): void } {
  const signals = { SIGINT: 130, SIGTERM: 143 } as const;
  let settle: (code: number) => void = () => {};
  const code = new Promise<number>((resolve) => {
    settle = resolve;
  });
  const listeners = Object.entries(signals).map(([signal, exit]) => {
    const listener = () => settle(exit);
    process.on(signal, listener);
    return () => process.off(signal, listener);
  });
  return {
    code,
    release() {
      for (const release of listeners) release();
    },
  };
}

function words(error: unknown): string {
  if (error instanceof HoopError) return [error.message, error.why, error.next].filter(Boolean).join('\n  ');
  return error instanceof Error ? error.message : String(error);
}
