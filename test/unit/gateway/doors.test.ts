import { EventEmitter } from 'node:events';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DoorKeeper } from '../../../src/daemon/gateway/door-keeper.ts';
import { LoginThrottle, network } from '../../../src/daemon/gateway/login-throttle.ts';
import { Metrics } from '../../../src/daemon/gateway/metrics.ts';
import { ManualClock } from '../session/manual-clock.ts';

class Connection extends EventEmitter {
  readonly remoteAddress: string;
  readonly remotePort: number;
  destroyed = false;

  constructor(remoteAddress: string, remotePort: number) {
    super();
    this.remoteAddress = remoteAddress;
    this.remotePort = remotePort;
  }

  destroy(): void {
    this.destroyed = true;
    this.emit('close');
  }
}

describe('the throttle of failed logins', () => {
  test('lets an address wait for the minute’s end after too many, and no other', () => {
    const clock = new ManualClock();
    const throttle = new LoginThrottle(clock, 3);
    for (let i = 0; i < 3; i++) {
      expect(throttle.waitFor('192.0.2.1')).toBe(0);
      throttle.failed('192.0.2.1');
    }
    expect(throttle.waitFor('192.0.2.1')).toBe(60_000);
    expect(throttle.waitFor('192.0.2.2')).toBe(0);
    clock.advance(60_000);
    expect(throttle.waitFor('192.0.2.1')).toBe(0);
  });

  test('takes the addresses of one network for one', () => {
    expect(network('2001:db8:1:2::7')).toBe(network('2001:db8:1:2:ffff::1'));
    expect(network('2001:db8:1:2::7')).not.toBe(network('2001:db8:1:3::7'));
    expect(network('::ffff:192.0.2.1')).toBe('192.0.2.1');
    expect(network('fe80::1%eth0')).toBe('fe80:0:0:0::/64');
  });

  test('finds the network of every IPv6 address', () => {
    fc.assert(
      fc.property(fc.ipV6(), (address) => {
        if (address.includes('.')) return;
        expect(network(address)).toMatch(/^([0-9a-f]{1,4}:){4}:\/64$/);
      }),
    );
  });

  test('forgets the oldest address when there are too many', () => {
    const throttle = new LoginThrottle(new ManualClock(), 1);
    throttle.failed('192.0.2.1');
    for (let i = 0; i < 10_000; i++) throttle.failed(`198.51.${i >> 8}.${i & 255}`);
    expect(throttle.waitFor('192.0.2.1')).toBe(0);
    expect(throttle.waitFor('198.51.39.15')).toBeGreaterThan(0);
  });
});

describe('the keeper of a door', () => {
  test('lets in so many strangers of one network, and more when they are known or gone', () => {
    const keeper = new DoorKeeper(new ManualClock(), 100, 2);
    const [one, two, three, four, five] = [1, 2, 3, 4, 5].map((port) => new Connection('192.0.2.1', port));
    if (!one || !two || !three || !four || !five) throw new Error('five connections');
    expect([keeper.enter(one), keeper.enter(two), keeper.enter(three)]).toEqual([true, true, false]);
    expect(three.destroyed).toBe(true);
    expect(keeper.enter(new Connection('192.0.2.2', 1))).toBe(true);
    keeper.known({ remoteAddress: '192.0.2.1', remotePort: 1 });
    expect(keeper.enter(four)).toBe(true);
    two.destroy();
    expect(keeper.enter(five)).toBe(true);
    expect(keeper.open).toBe(4);
  });

  test('lets in so many altogether', () => {
    const keeper = new DoorKeeper(new ManualClock(), 3, 100);
    const entered = [1, 2, 3, 4].map((port) => keeper.enter(new Connection(`192.0.2.${port}`, port)));
    expect(entered).toEqual([true, true, true, false]);
  });

  test('sends strangers away who take a minute to say who they are, whatever they do meanwhile', () => {
    const clock = new ManualClock();
    const keeper = new DoorKeeper(clock, 100, 100);
    const [stranger, friend] = [new Connection('192.0.2.1', 1), new Connection('192.0.2.1', 2)];
    keeper.enter(stranger);
    keeper.enter(friend);
    clock.advance(59_000);
    keeper.known(friend);
    expect(stranger.destroyed).toBe(false);
    clock.advance(1_000);
    expect([stranger.destroyed, friend.destroyed]).toEqual([true, false]);
    friend.destroy();
    expect(clock.timers).toBe(0);
  });

  test('counts a connection once, however often it becomes known and goes', () => {
    const keeper = new DoorKeeper(new ManualClock(), 100, 1);
    const one = new Connection('192.0.2.1', 1);
    keeper.enter(one);
    keeper.known(one);
    keeper.known(one);
    one.destroy();
    keeper.enter(new Connection('192.0.2.1', 2));
    expect(keeper.enter(new Connection('192.0.2.1', 3))).toBe(false);
  });
});

describe('metrics', () => {
  test('are in the form that Prometheus reads', () => {
    const metrics = new Metrics();
    const count = metrics.counter('calls_total', 'Calls.', { way: ['in', 'out'] });
    count({ way: 'in' });
    count({ way: 'in' });
    metrics.gauge('open', 'What is open.', () => 7);
    expect(metrics.text()).toBe(
      '# HELP calls_total Calls.\n# TYPE calls_total counter\ncalls_total{way="in"} 2\n' +
        '# HELP open What is open.\n# TYPE open gauge\nopen 7\n',
    );
  });

  test('have no more series than were foreseen, whatever they are told', () => {
    const metrics = new Metrics();
    const count = metrics.counter('calls_total', 'Calls.', { way: ['in'] });
    fc.assert(
      fc.property(fc.string(), (way) => {
        count({ way });
      }),
    );
    expect(
      metrics
        .text()
        .split('\n')
        .filter((line) => line.startsWith('calls_total')),
    ).toHaveLength(1);
    expect(metrics.text()).toContain('calls_total{way="other"}');
  });
});
