import { EventEmitter } from 'node:events';
import type { ClientChannel } from 'ssh2';
import { expect, test } from 'vitest';
import { TargetNotices } from '../../../src/protocols/ssh/target-notices.ts';

class Socket extends EventEmitter {
  writableLength = 0;
}

function target() {
  const socket = new Socket();
  const told: string[] = [];
  const channel = {
    _client: { _sock: socket },
    setWindow: (rows: number, cols: number) => told.push(`${cols}x${rows}`),
    signal: (name: string) => told.push(name),
  };
  return { socket, told, notices: new TargetNotices(channel as unknown as ClientChannel) };
}

const size = (cols: number) => ({ cols, rows: 24, width: 0, height: 0, term: 'xterm', modes: {} });

test('sizes and signals go to a target that reads, at once', () => {
  const { notices, told } = target();
  notices.resize(size(80));
  notices.signal('INT');
  expect(told).toEqual(['80x24', 'INT']);
});

test('of what waits for a target that does not read, the last size and a few signals are kept', () => {
  const { notices, socket, told } = target();
  socket.writableLength = 8 * 1024 * 1024;
  for (let cols = 1; cols <= 1000; cols++) {
    notices.resize(size(cols));
    notices.signal('USR1');
  }
  expect(told).toEqual([]);
  expect(socket.listenerCount('drain')).toBe(1);
  socket.writableLength = 0;
  socket.emit('drain');
  expect(told[0]).toBe('1000x24');
  expect(told.length).toBeLessThan(20);
});

test('a signal that RFC 4254 does not name is dropped, since the library would throw', () => {
  const { notices, told } = target();
  for (const name of ['FOO', 'SIGINT', 'int', '']) notices.signal(name);
  expect(told).toEqual([]);
});
