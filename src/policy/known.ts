import type { PolicyFile } from './problem.ts';
import type { FileGroups } from './selectors.ts';

/** An identity that may come. */
export interface KnownIdentity {
  readonly name: string;
  readonly groups: readonly string[];
  readonly roles: readonly string[];
  readonly kind?: 'person' | 'machine';
  /** Created here, not by signing in through an issuer. */
  readonly local?: boolean;
}

/** A connection as its owner named and labelled it. */
export interface KnownConnection {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly protocol: string;
}

/** What exists where the policy is to hold: identities that are neither revoked nor expired, and connections. */
export interface Known {
  readonly identities: readonly KnownIdentity[];
  readonly connections: readonly KnownConnection[];
}

/** A file, and what it is checked against. */
export interface Checked {
  readonly file: PolicyFile;
  /** Identities with the roles that the file gives them. */
  readonly known: Known;
  readonly groups: FileGroups;
}
