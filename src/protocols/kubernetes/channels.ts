/**
 * Exec, attach and port-forward over WebSockets (k8s.io/kubelet/pkg/cri/streaming/remotecommand/websocket.go and
 * k8s.io/apimachinery/pkg/util/remotecommand): each message begins with the number of its stream.
 */
export const STREAM = {
  stdin: 0,
  stdout: 1,
  stderr: 2,
  /** JSON: the Status with which it ends. */
  error: 3,
  /** JSON: `{"Width":80,"Height":24}`. */
  resize: 4,
  /** v5: the stream whose number follows has ended. */
  close: 255,
} as const;

/** Subprotocols in which programs are governed, the best first. */
export const PROGRAM_PROTOCOLS = ['v5.channel.k8s.io', 'v4.channel.k8s.io'] as const;
/** The same as streams of SPDY/3.1; v4 ends with a Status, as v5 does. */
export const SPDY_PROGRAM_PROTOCOLS = ['v5.channel.k8s.io', 'v4.channel.k8s.io'] as const;
export const SPDY_FORWARD_PROTOCOLS = ['portforward.k8s.io'] as const;
/** A port-forward's SPDY in a WebSocket's messages: bytes that are passed on. */
export const TUNNEL_PROTOCOLS = ['SPDY/3.1+portforward.k8s.io'] as const;

/** What of the client's offer can be taken, in the client's order. */
export function acceptable(offered: string | undefined, known: readonly string[]): readonly string[] {
  return (offered ?? '')
    .split(',')
    .map((one) => one.trim())
    .filter((one) => known.includes(one));
}

/** A program's exit code by the Status on the error stream; undefined when it cannot be read. */
export function exitCode(status: Uint8Array): number | undefined {
  const read = readStatus(status);
  if (read === undefined || !('status' in read)) return undefined;
  if (read.status === 'Success') return 0;
  const details = 'details' in read ? read.details : undefined;
  const causes =
    typeof details === 'object' && details !== null && 'causes' in details ? details.causes : undefined;
  for (const cause of Array.isArray(causes) ? (causes as unknown[]) : []) {
    if (typeof cause !== 'object' || cause === null || !('reason' in cause) || !('message' in cause))
      continue;
    if (cause.reason === 'ExitCode' && /^\d{1,3}$/.test(String(cause.message))) return Number(cause.message);
  }
  return undefined;
}

/** What the Status on the error stream says in words. */
export function statusMessage(status: Uint8Array): string | undefined {
  const read = readStatus(status);
  return read !== undefined && 'message' in read && typeof read.message === 'string'
    ? read.message
    : undefined;
}

function readStatus(status: Uint8Array): object | undefined {
  try {
    const read: unknown = JSON.parse(Buffer.from(status).toString('utf8'));
    return typeof read === 'object' && read !== null ? read : undefined;
  } catch {
    return undefined;
  }
}

/** The Status of a program that ended with this code (k8s.io/kubelet/pkg/cri/streaming/remotecommand/exec.go). */
export function exitStatus(code: number): Uint8Array {
  const status =
    code === 0
      ? { metadata: {}, status: 'Success' }
      : {
          metadata: {},
          status: 'Failure',
          message: `command terminated with non-zero exit code: ${code}`,
          reason: 'NonZeroExitCode',
          details: { causes: [{ reason: 'ExitCode', message: String(code) }] },
        };
  return Buffer.from(JSON.stringify(status));
}

/** The size of a terminal; undefined for anything else. */
export function terminalSize(
  message: Uint8Array,
): { readonly columns: number; readonly rows: number } | undefined {
  const match = /^\{\s*"Width"\s*:\s*(\d{1,5})\s*,\s*"Height"\s*:\s*(\d{1,5})\s*\}\s*$/.exec(
    Buffer.from(message).toString('latin1'),
  );
  return match === null ? undefined : { columns: Number(match[1]), rows: Number(match[2]) };
}

export function sizeMessage({ cols, rows }: { readonly cols: number; readonly rows: number }): Uint8Array {
  return Buffer.from(JSON.stringify({ Width: cols, Height: rows }));
}
