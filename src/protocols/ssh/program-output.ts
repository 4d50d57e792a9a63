import type { ClientChannel } from 'ssh2';
import type { OutputMasking } from '../../masking/output-masking.ts';

/** How a program ended; a code of undefined: nobody knows. */
export type Exit =
  | { readonly code: number | undefined }
  | { readonly signal: string; readonly core: boolean };

/** RFC 4254, 6.10. A target may call a signal what it likes, and clients may show that. */
const SIGNAL_NAME = /^[A-Z0-9]{1,16}(?:@[A-Za-z0-9.-]{1,64})?$/;

/** Takes something out of what a program prints. */
export interface OutputFilter {
  push(bytes: Buffer): Buffer;
  /** What is still kept back. */
  end(): Buffer;
}

/**
 * Passes on what a program prints, masked, standard output through the filter first. Resolves with how it ended, when all of it has been passed on and the
 * target has closed the channel.
 */
export function passOutput(
  upstream: ClientChannel,
  masking: () => OutputMasking,
  out: (lane: 'stdout' | 'stderr', bytes: Buffer) => void,
  filter?: OutputFilter,
): Promise<Exit> {
  let exit: Exit = { code: undefined };
  upstream.on('exit', (code: number | null, signal?: string, core?: unknown) => {
    const name = signal?.replace(/^SIG/, '');
    exit =
      name !== undefined && SIGNAL_NAME.test(name)
        ? { signal: name, core: core === true }
        : { code: code ?? undefined };
  });
  const lane = (stream: NodeJS.ReadableStream, name: 'stdout' | 'stderr', filtered?: OutputFilter) =>
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
  const closed = new Promise<void>((resolve) => upstream.once('close', () => resolve()));
  return Promise.all([closed, lane(upstream, 'stdout', filter), lane(upstream.stderr, 'stderr')]).then(
    () => exit,
  );
}
