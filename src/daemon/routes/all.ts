import type { Parts } from '../parts.ts';
import { approvalRoutes } from './approvals.ts';
import { auditRoutes } from './audit.ts';
import { connectionRoutes } from './connections.ts';
import { daemonRoutes } from './daemon.ts';
import { endpointRoutes } from './endpoints.ts';
import type { Handlers } from './handler.ts';
import { identityRoutes } from './identities.ts';
import { passwordRoutes } from './passwords.ts';
import { policyRoutes } from './policy.ts';
import { requestRoutes } from './requests.ts';
import { sessionRoutes } from './sessions.ts';
import { signInRoutes } from './sign-in.ts';
import { webhookRoutes } from './webhooks.ts';

/** Every route of the contract has its handler: the compiler checks it. */
export function allHandlers(parts: Parts): Handlers {
  return {
    ...daemonRoutes(parts),
    ...identityRoutes(parts),
    ...signInRoutes(parts),
    ...connectionRoutes(parts),
    ...endpointRoutes(parts),
    ...passwordRoutes(parts),
    ...approvalRoutes(parts),
    ...requestRoutes(parts),
    ...sessionRoutes(parts),
    ...policyRoutes(parts),
    ...auditRoutes(parts),
    ...webhookRoutes(parts),
  };
}
