import fc from 'fast-check';

/**
 * Property tests draw from one seed, so that a change is judged by the change and not by the draw;
 * `HOOPCTL_TEST_SEED` takes another one, `random` a new one each run.
 */
const seed = process.env.HOOPCTL_TEST_SEED ?? '20261121';
if (seed !== 'random') fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(seed) });
