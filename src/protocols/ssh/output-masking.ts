/** Masks one stream of output piece by piece. */
export interface OutputMasking {
  push(bytes: Buffer, out: (bytes: Buffer) => void): void;
  /** The stream has ended: what was kept back goes out. */
  end(out: (bytes: Buffer) => void): void;
}

/** For requesters whom no detector concerns. */
export const UNMASKED: OutputMasking = {
  push: (bytes, out) => out(bytes),
  end: () => {},
};
