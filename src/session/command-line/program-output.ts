import type { OutputMasking } from '../../masking/output-masking.ts';
import type { Exit, OutputStream, ProgramOutput } from './program.ts';

/** Takes something out of what a program prints. */
export interface OutputFilter {
  push(bytes: Buffer): Buffer;
  /** What is still kept back. */
  end(): Buffer;
}

/**
 * Passes on what a program prints, masked, standard output through the filter first. Resolves with how it ended, when
 * all of it has been passed on.
 */
export function passOutput(
  program: ProgramOutput,
  masking: () => OutputMasking,
  out: (lane: OutputStream, bytes: Buffer) => void,
  filter?: OutputFilter,
): Promise<Exit> {
  const lane = (stream: NodeJS.ReadableStream, name: OutputStream, filtered?: OutputFilter) =>
    new Promise<void>((resolve) => {
      const masked = masking();
      const send = (bytes: Buffer) => out(name, bytes);
      stream.on('data', (bytes: Buffer) => {
        const shown = filtered?.push(bytes) ?? bytes;
        if (shown.length > 0) masked.push(shown, send);
      });
      stream.once('end', () => {
        const rest = filtered?.end();
        if (rest !== undefined && rest.length > 0) masked.push(rest, send);
        masked.end(send);
        resolve();
      });
    });
  const passed = [lane(program.stdout, 'stdout', filter), lane(program.stderr, 'stderr')];
  return Promise.all([program.exit, ...passed]).then(([exit]) => exit);
}
