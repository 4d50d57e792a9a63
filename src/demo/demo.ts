import { chmodSync, mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HoopError } from '../base/errors.ts';
import { newSecret } from '../base/ids.ts';
import { Closing } from './closing.ts';
import type { DemoScene } from './scene.ts';
import { type DemoIo, Stage } from './stage.ts';

export type { DemoIo } from './stage.ts';

export interface DemoOptions {
  /** Leave the sample server and the daemon running, and say how to use and how to end them. */
  readonly keep: boolean;
  /** A machine reached by SSH instead of a database. */
  readonly ssh: boolean;
}

/** How many steps each demo has. */
const STEPS = { postgres: 10, ssh: 11 } as const;

/**
 * The main job from an empty machine: a sample server, a daemon with a throwaway state directory, a governed
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
  const stage = new Stage(io, join(dir, 'state'), options.ssh ? STEPS.ssh : STEPS.postgres);
  const showing = show({ stage, dir, closing, keep: options.keep, passphrase: newSecret(12) }, options.ssh);
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

async function show(scene: DemoScene, ssh: boolean): Promise<number> {
  const started = performance.now();
  const leave = ssh
    ? await (await import('./ssh/show.ts')).showSsh(scene)
    : await (await import('./show-postgres.ts')).showPostgres(scene);
  scene.stage.print(`\nAll of it happened, in ${((performance.now() - started) / 1000).toFixed(1)} s.`);
  if (scene.keep) leave();
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
