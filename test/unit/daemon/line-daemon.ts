import { runDaemon } from '../../../src/daemon/main.ts';
import { LineProtocol } from './line-protocol.ts';

// A daemon with the line protocol as a process of its own, so that a test can kill it.
const [, , home = ''] = process.argv;
await runDaemon({
  home,
  environment: {},
  protocols: [new LineProtocol()],
  keychain: () => Promise.reject(new Error('no keychain in tests')),
});
process.stdout.write('ready\n');
