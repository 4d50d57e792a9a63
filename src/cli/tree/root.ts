import { auditNoun } from './audit.ts';
import type { CommandSpec } from './command.ts';
import { connectionNoun } from './connection.ts';
import { daemonNoun } from './daemon.ts';
import { gatewayNoun } from './gateway.ts';
import { identityNoun, whoamiVerb } from './identity.ts';
import { contextNoun, credentialVerb, loginVerb, logoutVerb } from './login.ts';
import { policyNoun } from './policy.ts';
import { requestVerb, runVerb, withdrawVerb } from './request.ts';
import { approvalsVerb, approveVerb, commentVerb, denyVerb } from './review.ts';
import { replayVerb, sessionNoun } from './session.ts';
import { completionVerb, demoVerb, doctorVerb, initVerb } from './setup.ts';
import { webhookNoun } from './webhook.ts';
import { connectVerb, execVerb, kubeconfigVerb, proxyVerb, sshConfigVerb } from './work.ts';

/** The whole command line. */
export const ROOT: CommandSpec = {
  name: 'hoopctl',
  summary: 'Govern what agents, CI jobs and engineers run against production.',
  details: 'Start with: hoopctl demo, or hoopctl init.',
  verbs: [
    demoVerb,
    initVerb,
    daemonNoun,
    gatewayNoun,
    loginVerb,
    logoutVerb,
    contextNoun,
    connectionNoun,
    connectVerb,
    proxyVerb,
    sshConfigVerb,
    kubeconfigVerb,
    execVerb,
    requestVerb,
    runVerb,
    withdrawVerb,
    credentialVerb,
    approvalsVerb,
    approveVerb,
    denyVerb,
    commentVerb,
    sessionNoun,
    replayVerb,
    policyNoun,
    identityNoun,
    whoamiVerb,
    webhookNoun,
    auditNoun,
    doctorVerb,
    completionVerb,
  ],
};
