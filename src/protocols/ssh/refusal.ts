import type { Connection, ServerChannel } from 'ssh2';
import { EXIT, stderrText } from '../../session/command-line/words.ts';

/** How long a client that may not have a session gets to be told so, in milliseconds. */
const GRACE_MS = 3000;

/** For a client that has proved itself and may not have a session: every program is answered with the reason. */
export function refuseAll(client: Connection, lines: readonly string[]): void {
  const end = setTimeout(() => client.end(), GRACE_MS);
  end.unref();
  client.once('close', () => clearTimeout(end));
  client.on('session', (accept) => {
    const session = accept();
    const tell = (open: () => ServerChannel | undefined) => {
      const channel = open();
      if (channel === undefined) return;
      // OpenSSH closes its side once the reason is on its stderr; a disconnect before that would take its place.
      channel.once('close', () => client.end());
      channel.stderr.write(stderrText(lines, false), () => {
        channel.exit(EXIT.refused);
        channel.end();
      });
    };
    session.on('exec', (open) => tell(open));
    session.on('shell', (open) => tell(open));
    session.on('subsystem', (open) => tell(open));
  });
}
