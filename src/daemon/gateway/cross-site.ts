import type { IncomingMessage } from 'node:http';
import { NotPermitted } from '../../base/errors.ts';
import { matchRoute } from '../route-match.ts';

/**
 * Refuses what a page of another site makes somebody's browser ask (Fetch, 3.2 Origin; Fetch Metadata, 2.4
 * Sec-Fetch-Site). No client of the API is a web page; what providers send through a browser comes to routes that
 * answer with a page. Throws NotPermitted `cross_site`, for which nobody's address waits.
 */
export function refuseOtherSites({ headers, method, url }: IncomingMessage): void {
  const site = headers['sec-fetch-site'];
  const byPerson = site === undefined || site === 'none' || site === 'same-origin';
  if (headers.origin === undefined && byPerson) return;
  if (matchRoute(method ?? '', (url ?? '').split('?')[0] ?? '')?.route.page) return;
  throw new NotPermitted('cross_site', 'the API takes no calls of web pages');
}

/** A name that leads to this machine's loopback makes a page of somebody else ask there (DNS rebinding). */
export function isLoopbackHost(host: string | undefined): boolean {
  return /^(127(\.\d{1,3}){3}|localhost|\[::1\])(:\d{1,5})?$/i.test(host ?? '');
}
