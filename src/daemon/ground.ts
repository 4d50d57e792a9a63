import type { Clock } from '../base/clock.ts';
import type { AskIssuer, GetJson } from '../identity/bounded-get.ts';
import type { Protocol } from '../protocols/protocol.ts';
import type { VaultOptions } from '../secret/vault.ts';
import type { Books } from './books.ts';
import type { DaemonLog, RotatingFile } from './daemon-log.ts';
import type { GatewaySettings } from './gateway/gateway.ts';
import type { StateDirectory } from './state-directory.ts';
import type { Traces } from './traces/traces.ts';

/** What a daemon is started with. */
export interface DaemonOptions {
  /** The state directory. */
  readonly home: string;
  /** Logs to stderr as well, for service managers. */
  readonly foreground?: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Serves over the network as well. */
  readonly gateway?: GatewaySettings | undefined;
  /** What a test gives instead of the real ones. */
  readonly clock?: Clock;
  readonly protocols?: readonly Protocol[];
  readonly keychain?: VaultOptions['keychain'];
  /** How issuers are asked for their keys. */
  readonly getJson?: GetJson;
  readonly askIssuer?: AskIssuer;
}

/** What is opened first, and everything else stands on. */
export interface Ground {
  readonly directory: StateDirectory;
  readonly books: Books;
  readonly clock: Clock;
  readonly log: DaemonLog;
  readonly logFile: RotatingFile;
  readonly traces: Traces | undefined;
}
