import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { proxyFor } from '../../../src/network/proxy.ts';

describe('the proxy on the way', () => {
  const by = (NO_PROXY: string, host = 'gateway.corp.example', port = 8443) =>
    proxyFor(host, port, { HTTPS_PROXY: 'http://proxy:3128', NO_PROXY })?.host;

  test('is what HTTPS_PROXY names, small letters first', () => {
    expect(proxyFor('g', 443, {})).toBeUndefined();
    expect(proxyFor('g', 443, { HTTPS_PROXY: 'proxy:3128' })).toMatchObject({
      host: 'proxy',
      port: 3128,
      tls: false,
    });
    expect(proxyFor('g', 443, { https_proxy: 'https://a', HTTPS_PROXY: 'http://b' })).toMatchObject({
      host: 'a',
      port: 443,
      tls: true,
    });
    expect(() => proxyFor('g', 443, { HTTPS_PROXY: 'socks5://a' })).toThrow(/HTTP proxy/);
  });

  test('is left out for what NO_PROXY names', () => {
    expect(by('')).toBe('proxy');
    expect(by('*')).toBeUndefined();
    expect(by('other.example, .corp.example')).toBeUndefined();
    expect(by('corp.example')).toBeUndefined();
    expect(by('evilcorp.example')).toBe('proxy');
    expect(by('gateway.corp.example:443')).toBe('proxy');
    expect(by('gateway.corp.example:8443')).toBeUndefined();
    expect(by('0.0.2.1', '192.0.2.1')).toBe('proxy');
    expect(by('192.0.2.1', '192.0.2.1')).toBeUndefined();
    expect(by('[2001:db8::1]', '2001:db8::1')).toBeUndefined();
    expect(by('10.0.0.0/8', '10.1.2.3')).toBeUndefined();
    expect(by('10.0.0.0/8', '11.1.2.3')).toBe('proxy');
    expect(by('2001:db8::/32', '2001:db8::1')).toBeUndefined();
    expect(by('10.0.0.0/8', 'gateway.10')).toBe('proxy');
    expect(by('0.0.0.0/99', '192.0.2.1')).toBe('proxy');
  });

  test.each([
    'localhost',
    'LOCALHOST.',
    'idp.localhost',
    '127.0.0.1',
    '127.9.8.7',
    '::1',
    '[::1]',
    '::ffff:127.0.0.1',
  ])('never stands before what is on this machine: %s', (host) => {
    expect(by('', host)).toBeUndefined();
  });

  test('says nothing of a password that it cannot read', () => {
    const bad = () => proxyFor('g', 443, { HTTPS_PROXY: 'http://user:100%secret@proxy:3128' });
    expect(bad).toThrow(expect.objectContaining({ code: 'bad_proxy' }));
    expect(bad).not.toThrow(/secret/);
  });

  test('never fails on what NO_PROXY may hold', () => {
    fc.assert(
      fc.property(fc.string(), (list) => {
        expect([undefined, 'proxy']).toContain(by(list));
      }),
    );
  });
});
