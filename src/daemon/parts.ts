import type { FileAuditLog } from '../audit/file-log.ts';
import type { VerifyOptions } from '../audit/verify.ts';
import type { Clock } from '../base/clock.ts';
import type { Journal } from '../journal/journal.ts';
import type { ClientWords, Protocol } from '../protocols/protocol.ts';
import type { SecretVault } from '../secret/reference.ts';
import type { AppliedPolicy } from '../session/applied-policy.ts';
import type { ApprovalBoard } from '../session/approval-board.ts';
import type { ApproverPresence } from '../session/approver-presence.ts';
import type { SessionDesk } from '../session/desk.ts';
import type { LiveSession, LiveSessions } from '../session/live-sessions.ts';
import type { Store } from '../store/store.ts';
import type { Admission } from './admission.ts';
import type { Bootstrap } from './bootstrap.ts';
import type { DaemonLog, RotatingFile } from './daemon-log.ts';
import type { EndpointOpening, Endpoints } from './endpoint.ts';
import type { NativePlaces } from './gateway/native-places.ts';
import type { ShortPasswords } from './gateway/short-passwords.ts';
import type { IdentityParts } from './identity-parts.ts';
import type { LoginFailures } from './login-failures.ts';
import type { OpenStreams } from './open-streams.ts';
import type { Requests } from './requests.ts';
import type { StateDirectory } from './state-directory.ts';
import type { Targets } from './targets.ts';
import type { WebhookDeliveries } from './webhooks/deliveries.ts';

/** Everything the composition root has made; each group of routes takes what it uses. */
export interface Parts extends IdentityParts {
  readonly version: string;
  readonly startedAt: string;
  readonly clock: Clock;
  readonly directory: StateDirectory;
  readonly store: Store;
  readonly audit: FileAuditLog;
  /** What recordings and the audit log are written to first: settle it before they are read. */
  readonly journal: Pick<Journal, 'settle'>;
  /** How to check the audit log, with the copy of the last signed head as it is now. */
  readonly auditCheck: () => Promise<VerifyOptions>;
  /** In words, when the log is not what was written and signed. */
  readonly auditDamage: string | undefined;
  readonly policy: AppliedPolicy;
  readonly live: LiveSessions;
  readonly streams: OpenStreams;
  readonly board: ApprovalBoard;
  readonly presence: ApproverPresence;
  readonly endpoints: Endpoints;
  readonly targets: Targets;
  readonly vault: SecretVault;
  readonly deliveries: WebhookDeliveries;
  readonly protocols: readonly Protocol[];
  readonly bootstrap: Bootstrap;
  readonly admission: Admission;
  /** Opens a session's books, unless the gateway drains. Throws what `openDesk` of the session room throws. */
  readonly openDesk: (
    opening: Pick<EndpointOpening, 'ahead' | 'connection' | 'identity' | 'protocol' | 'stated' | 'trace'>,
    client: ClientWords,
  ) => Promise<SessionDesk & LiveSession>;
  readonly requests: Requests;
  readonly passwords: ShortPasswords;
  readonly native: NativePlaces;
  readonly loginFailures: LoginFailures;
  /** What SSH clients know the gateway by; made at the first need. */
  readonly hostKey: () => Promise<{ readonly private: string; readonly public: string }>;
  readonly certificate: () => Promise<{ readonly key: string; readonly cert: string } | undefined>;
  readonly log: DaemonLog;
  readonly logFile: RotatingFile;
  /** Ends the daemon once calls in progress have been answered. */
  readonly requestStop: (reason: string) => void;
}
