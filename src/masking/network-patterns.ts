import type { Search } from './patterns.ts';

const OCTET = '(?:25[0-5]|2[0-4]\\d|1?\\d?\\d)';
const IPV4 = new RegExp(
  `(?<![0-9A-Za-z.:_-]|v)${OCTET}(?:\\.${OCTET}){3}(?:/(?:3[0-2]|[12]?\\d))?(?![0-9A-Za-z_]|\\.[0-9]|-[0-9])`,
  'g',
);
const THREE_DOTS = /\d\.\d{1,3}\.\d{1,3}\.\d/;
const SIX_COLONS = /(?:[0-9A-Fa-f]{1,4}:){6}/;
const IPV6_WORD =
  /(?<![0-9A-Za-z:._-])(?=[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*:)[0-9A-Fa-f:.]{2,45}(?:%[A-Za-z0-9]{1,15})?(?![0-9A-Za-z:_-])/g;

/** IPv4 addresses of four parts, and IPv6 addresses (RFC 4291 section 2.2), perhaps with a prefix or zone. */
export const findIpAddresses: Search = (text, found) => {
  if (THREE_DOTS.test(text)) findIpv4(text, found);
  // Times of day have two colons in a row of digits: no address does with so few.
  if (text.includes('::') || SIX_COLONS.test(text)) findIpv6(text, found);
};

const findIpv4: Search = (text, found) => {
  for (const match of text.matchAll(IPV4)) {
    // `version 1.2.3.4` is no address.
    if (
      !/(?:version|ver\.?|release|build)[ =:]{0,2}$/i.test(
        text.slice(Math.max(0, match.index - 12), match.index),
      )
    )
      found(match.index, match.index + match[0].length);
  }
};

const findIpv6: Search = (text, found) => {
  for (const match of text.matchAll(IPV6_WORD)) {
    const address = match[0].replace(/[.:]$/, (end) => (match[0].endsWith('::') ? end : ''));
    if (isIpv6(address.replace(/%.*$/, ''))) found(match.index, match.index + address.length);
  }
};

function isIpv6(text: string): boolean {
  const [left = '', right, ...more] = text.split('::');
  if (more.length > 0) return false;
  const groups = [...partsOf(left), ...partsOf(right ?? '')];
  const last = groups.at(-1) ?? '';
  const embedded = last.includes('.');
  if (embedded && !new RegExp(`^${OCTET}(?:\\.${OCTET}){3}$`).test(last)) return false;
  const hex = embedded ? groups.slice(0, -1) : groups;
  if (!hex.every((group) => /^[0-9A-Fa-f]{1,4}$/.test(group))) return false;
  const count = hex.length + (embedded ? 2 : 0);
  // `::` alone, and `a::b` of code, say nothing.
  if (right !== undefined) return count >= 2 && count <= 7 && /\d/.test(text);
  return count === 8;
}

const partsOf = (text: string) => (text === '' ? [] : text.split(':'));

/** The password of `scheme://user:password@host` (RFC 3986 section 3.2.1), and nothing else of it. */
const URL_PASSWORD = /[A-Za-z][A-Za-z0-9+.-]{1,30}:\/\/[^\s:/@?#"'<>]{0,128}:([^\s/@"'<>]{1,256})@/g;

export const findUrlPasswords: Search = (text, found) => {
  if (!text.includes('://')) return;
  for (const match of text.matchAll(URL_PASSWORD)) {
    const end = match.index + match[0].length - 1;
    found(end - (match[1]?.length ?? 0), end);
  }
};
