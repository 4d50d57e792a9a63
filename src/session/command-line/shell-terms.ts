import type { OutputMasking } from '../../masking/output-masking.ts';
import type { SessionDesk } from '../desk.ts';
import type { Gate, GateTerms } from './gate.ts';
import type { ShellAsked } from './judgement.ts';
import type { ShellClient, ShellDoor, TerminalSize } from './program.ts';

/** What a client may know of why something failed, its exit code, and what the recording has to say of it. */
export interface FailureWords {
  readonly lines: readonly string[];
  readonly code: number;
  readonly note: string | undefined;
}

/** What a line-gated shell needs of the protocol around it. */
export interface GatedShellTerms<Size extends TerminalSize>
  extends Omit<GateTerms<ShellAsked>, 'say' | 'gone'> {
  readonly desk: SessionDesk;
  readonly client: ShellClient<Size>;
  /** Undefined without a terminal. */
  readonly size: Size | undefined;
  /** Opens the shell, where that is still to be judged; the directory in which its lines begin, where that is known. */
  open(
    gate: Gate<ShellAsked>,
  ): Promise<
    | { readonly passed: true; readonly directory: string | undefined }
    | { readonly passed: false; readonly code: number }
  >;
  /** The way to the target; rejects when it could not be reached. */
  door(): Promise<ShellDoor<Size>>;
  /** What stands before a line. */
  prompt(directory: string | undefined): string;
  masking(): OutputMasking;
  failure(error: unknown): FailureWords;
  /** A failure that the session cannot survive. */
  failed(error: unknown): void;
}
