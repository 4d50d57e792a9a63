import { type RouteName, routes } from '../../api/routes.ts';
import type { Parts } from '../parts.ts';
import { Metrics } from './metrics.ts';

const ROUTES = [...Object.keys(routes), 'none'];
const STATUSES = ['2xx', '3xx', '4xx', '5xx'] as const;
const WAYS = ['api', 'native'] as const;

export interface GatewayMetrics {
  text(): string;
  answered(route: RouteName | undefined, status: number): void;
  loginFailed(way: (typeof WAYS)[number]): void;
  turnedAway(way: (typeof WAYS)[number]): void;
}

/** What a gateway tells of itself: counts and sizes, never whose or what. */
export function gatewayMetrics(
  parts: Pick<Parts, 'live' | 'board' | 'startedAt' | 'clock'>,
  connections: () => number,
  draining: () => boolean,
): GatewayMetrics {
  const { board, clock, live, startedAt } = parts;
  const metrics = new Metrics();
  const began = Date.parse(startedAt);
  metrics.gauge(
    'hoopctl_start_time_seconds',
    'When this process began, seconds since 1970.',
    () => began / 1000,
  );
  metrics.gauge('hoopctl_uptime_seconds', 'For how long it has run.', () => (clock.now() - began) / 1000);
  metrics.gauge('hoopctl_draining', '1 while it takes no new sessions.', () => (draining() ? 1 : 0));
  metrics.gauge('hoopctl_sessions_open', 'Sessions that are open.', () => live.size);
  metrics.gauge('hoopctl_approvals_pending', 'Statements that wait for a decision.', () => board.size);
  metrics.gauge('hoopctl_connections_open', 'Connections to the listeners of the gateway.', connections);
  metrics.sum(
    'hoopctl_sessions_total',
    'Sessions that were opened.',
    () => new Map([['', live.totals().sessions]]),
  );
  metrics.sum(
    'hoopctl_statements_total',
    'Statements, and those of them that were blocked, approved, denied.',
    () => {
      const { statements, blocked, approved, denied } = live.totals();
      return new Map([
        ['{decision="any"}', statements],
        ['{decision="blocked"}', blocked],
        ['{decision="approved"}', approved],
        ['{decision="denied"}', denied],
      ]);
    },
  );
  const calls = metrics.counter('hoopctl_api_calls_total', 'Calls of the API.', {
    route: ROUTES,
    status: STATUSES,
  });
  const failures = metrics.counter('hoopctl_logins_failed_total', 'Calls and clients without a good token.', {
    way: WAYS,
  });
  const turnedAway = metrics.counter('hoopctl_connections_refused_total', 'Connections over a limit.', {
    way: WAYS,
  });
  metrics.gauge('hoopctl_resident_memory_bytes', 'Memory that the process has.', () =>
    process.memoryUsage.rss(),
  );
  return {
    text: () => metrics.text(),
    answered: (route, status) => calls({ route: route ?? 'none', status: `${Math.floor(status / 100)}xx` }),
    loginFailed: (way) => failures({ way }),
    turnedAway: (way) => turnedAway({ way }),
  };
}
