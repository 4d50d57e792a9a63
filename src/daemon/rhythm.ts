import type { Parts } from './parts.ts';

/** How often the stored counters of live sessions are brought up to date, in milliseconds. */
const COUNTERS_EVERY = 5000;
/** How often the identities of live sessions are looked at: what ends one cuts its sessions within a minute. */
const RECHECK_EVERY = 15_000;
/** How often it is looked whose issuer is to be asked anew whether somebody still is there. */
const LIVENESS_EVERY = 5000;
/** How often the audit log's head is signed, in milliseconds. */
const SIGN_EVERY = 5000;

/** What a daemon does again and again; answers how to stop it. */
export function startRhythm(
  parts: Pick<Parts, 'audit' | 'checkLiveness' | 'clock' | 'live' | 'recheckSessions'>,
): () => void {
  const { audit, clock, live } = parts;
  const timers = [
    setInterval(() => void live.saveCounters(), COUNTERS_EVERY),
    setInterval(() => void parts.recheckSessions(), RECHECK_EVERY),
    setInterval(() => void audit.checkpoint(), SIGN_EVERY),
  ];
  for (const timer of timers) timer.unref();
  let stopped = false;
  let cancel = () => {};
  // The next look waits for the answers to this one.
  const look = () => {
    cancel = clock.after(LIVENESS_EVERY, () => {
      void parts.checkLiveness().finally(() => {
        if (!stopped) look();
      });
    });
  };
  look();
  return () => {
    stopped = true;
    for (const timer of timers) clearInterval(timer);
    cancel();
  };
}
