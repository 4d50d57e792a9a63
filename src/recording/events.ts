/** What a recording holds, one frame each. Bytes stay in the protocol's own form and are decoded at replay by the protocol's folder. */
export const FRAME = {
  /** JSON: session id, connection, identity, protocol, target (no credential), policy, time. First frame. */
  open: 1,
  /** Bytes from the client, exactly as they go to (or are withheld from) the target. */
  client: 2,
  /** Bytes to the client, exactly as it sees them (masked). */
  server: 3,
  /** JSON: a decision on a statement: text or reference, outcome, rule, effects, approval. */
  decision: 4,
  /** JSON: approval asked, decided, ended. */
  approval: 5,
  /** JSON: anything else worth telling (policy changed, target lost, killed). */
  note: 6,
  /** JSON: how it ended. Last frame of a session that was closed. */
  close: 7,
} as const;
export type FrameKind = (typeof FRAME)[keyof typeof FRAME];

export interface Frame {
  readonly kind: FrameKind;
  /** Microseconds since the recording began. */
  readonly at: number;
  readonly payload: Uint8Array;
}

/** A session's append-only file while it is written. Every method has written (not necessarily synced) when it returns, and throws Internal `recording_failed` when it could not. */
export interface RecordingWriter {
  /** One frame whose payload is the concatenation of `parts`; the parts are not kept. */
  append(kind: FrameKind, ...parts: readonly Uint8Array[]): void;
  appendJson(kind: FrameKind, value: object): void;
  /** Like `append`, but a small frame may wait in memory for the next `append` or `commit`: for frames whose bytes are not sent on before that. `now` is what the monotonic clock says, where the caller has just looked. */
  stage(kind: FrameKind, parts: readonly Uint8Array[], now?: number): void;
  /** Hands what was staged to the journal, whose next commit writes it; without a journal, writes it. */
  prepare(): void;
  /** Writes what was staged, unless the journal has it. */
  commit(): void;
  /** Writes to the file what it does not have yet: for whoever reads it. */
  settle(): void;
  /** Syncs and closes; returns size in bytes and SHA-256 (hex) of the whole file. Idempotent. */
  close(): { readonly size: number; readonly sha256: string };
}

/** What `hoopctl replay --json` prints, one a line; the protocol's folder makes them from frames. `at` is milliseconds since the start. */
export type ReplayEvent =
  | {
      readonly type: 'start';
      readonly at: number;
      readonly session: string;
      readonly connection: string;
      readonly identity: string;
      readonly startedAt: string;
      readonly protocol: string;
    }
  | {
      readonly type: 'statement';
      readonly at: number;
      readonly text: string;
      readonly parameters: readonly (string | null)[];
      readonly decision: string;
      readonly rule: string | null;
      readonly effects: readonly string[];
    }
  | {
      readonly type: 'columns';
      readonly at: number;
      readonly names: readonly string[];
      readonly rightAligned: readonly boolean[];
    }
  | { readonly type: 'row'; readonly at: number; readonly values: readonly (string | null)[] }
  | { readonly type: 'copy'; readonly at: number; readonly direction: 'in' | 'out'; readonly data: string }
  | { readonly type: 'complete'; readonly at: number; readonly tag: string }
  | {
      readonly type: 'notice';
      readonly at: number;
      readonly severity: string;
      readonly message: string;
      readonly detail: string | null;
      readonly hint: string | null;
    }
  | {
      readonly type: 'error';
      readonly at: number;
      readonly severity: string;
      readonly sqlstate: string;
      readonly message: string;
      readonly detail: string | null;
      readonly hint: string | null;
    }
  | { readonly type: 'notification'; readonly at: number; readonly channel: string; readonly payload: string }
  | {
      readonly type: 'approval';
      readonly at: number;
      readonly id: string;
      readonly status: string;
      readonly by: string | null;
      readonly reason: string | null;
    }
  /** What went to or came from a program; any bytes. `channel` tells apart what ran side by side. */
  | {
      readonly type: 'bytes';
      readonly at: number;
      readonly channel: number;
      readonly stream: 'input' | 'output' | 'error';
      readonly base64: string;
    }
  /** The terminal of a program, at its start and at each change. */
  | {
      readonly type: 'size';
      readonly at: number;
      readonly channel: number;
      readonly columns: number;
      readonly rows: number;
    }
  | {
      readonly type: 'exit';
      readonly at: number;
      readonly channel: number;
      readonly code: number | null;
      readonly signal: string | null;
    }
  /** A file that was transferred. */
  | {
      readonly type: 'file';
      readonly at: number;
      readonly channel: number;
      readonly path: string;
      readonly direction: 'read' | 'write';
      readonly bytes: number;
      /** Null when parts of it were left out. */
      readonly sha256: string | null;
    }
  | { readonly type: 'note'; readonly at: number; readonly message: string }
  | { readonly type: 'end'; readonly at: number; readonly reason: string };
