// The least a Node process between client and server can do: pipes both ways. `node relay.mjs HOST PORT` prints its port.
import { connect, createServer } from 'node:net';

const [host, port] = process.argv.slice(2);

const server = createServer({ noDelay: true }, (client) => {
  const target = connect({ host, port: Number(port), noDelay: true });
  client.pipe(target).pipe(client);
  client.on('error', () => target.destroy());
  target.on('error', () => client.destroy());
});
server.listen(0, '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`));
