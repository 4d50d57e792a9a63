/** Where an endpoint's byte stream is opened, by a WebSocket upgrade (RFC 6455, section 4). */
export function relayPath(endpoint: string): string {
  return `/v1/endpoints/${encodeURIComponent(endpoint)}/relay`;
}

/** The endpoint's id in such a path. */
export function relayedEndpoint(path: string): string | undefined {
  return /^\/v1\/endpoints\/([A-Za-z0-9-]{1,64})\/relay$/.exec(path)?.[1];
}
