/** Thrown when the user pressed Ctrl-C or a signal came; the exit code is 128 + the signal's number. */
export class Interrupted extends Error {
  readonly exitCode: number;

  constructor(exitCode: 130 | 143 | 1 = 130) {
    super('interrupted');
    this.name = 'Interrupted';
    this.exitCode = exitCode;
  }
}

export function exitCodeOfSignal(signal: 'SIGINT' | 'SIGTERM'): 130 | 143 {
  return signal === 'SIGINT' ? 130 : 143;
}
