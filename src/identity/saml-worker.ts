import { parentPort, workerData } from 'node:worker_threads';
import { LoginNeeded } from '../base/errors.ts';
import { readAssertion } from './saml-assertion.ts';
import type { SamlAnswer, SamlTask } from './saml-reader.ts';

/**
 * Reads one answer of a SAML provider on a thread of its own: XML and its canonical form take seconds where somebody
 * means them to, and every session of the gateway would wait for it.
 */
const { provider, requests, response } = workerData as SamlTask;
const answer: SamlAnswer = await readAssertion(provider, response, (one) => requests.includes(one)).then(
  (assertion) => ({ assertion }),
  (error: unknown) => ({ why: (error instanceof LoginNeeded && error.why) || 'it cannot be read' }),
);
parentPort?.postMessage(answer);
