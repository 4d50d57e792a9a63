/** What may wait in a connection's socket before a channel writes more, in bytes: some peers grant a window of gigabytes. */
export const MOST_UNSENT = 1024 * 1024;

interface Socket {
  readonly writableLength: number;
  once(event: 'drain', listener: () => void): unknown;
}

/** The socket of a channel's connection, which the library has and does not tell of. */
export function socketOf(channel: object): Socket | undefined {
  return (channel as { readonly _client?: { readonly _sock?: Socket } })._client?._sock;
}
