import type { PassedLimit } from '../../session/session-meter.ts';
import type { ExecuteInFlight, QueryInFlight } from './in-flight.ts';

/** What the session does for this side. */
export interface TargetSideHost {
  /** A result comes from a table the catalog does not know: load it again, then call `resume`. */
  refreshCatalog(): void;
  /** Asks the target to cancel what runs; what the client sends next waits until it has. */
  cancelOnTarget(): void;
  /** A limit asks approvers whether a result may go on; `resume` or `stop` when they have decided. */
  holdResult(passed: PassedLimit, head: QueryInFlight | ExecuteInFlight): void;
  /** The session has committed a change of the catalog. */
  catalogChanged(): void;
}
