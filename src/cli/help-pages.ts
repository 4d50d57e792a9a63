import { EXIT_CODES } from './exit-codes.ts';

const ENVIRONMENT: readonly (readonly [name: string, meaning: string])[] = [
  ['HOOPCTL_HOME', "the state directory; default: the platform's own place"],
  ['HOOPCTL_TOKEN', 'the identity to act as; default: the sign-in, else the owner stored by init'],
  ['HOOPCTL_GATEWAY', 'where commands go: a context, the URL of a gateway, or local'],
  ['HOOPCTL_GATEWAY_CA', 'a file of authorities (PEM) for a gateway named by its URL'],
  ['HOOPCTL_GATEWAY_FINGERPRINT', 'the SHA-256 of the certificate of a gateway named by its URL'],
  ['HTTPS_PROXY, NO_PROXY', 'the HTTP proxy on the way to a gateway, and for which hosts there is none'],
  ['BROWSER', 'the program that login opens a page with'],
  [
    'HOOPCTL_INTROSPECTION_SECRET_NAME',
    'for a gateway: the secret by which it asks the issuer NAME about tokens',
  ],
  ['HOOPCTL_DEBUG', 'print where in the program an error came from'],
  ['NO_COLOR', 'no colour, when set to anything'],
  ['FORCE_COLOR', 'colour even when the output is no terminal; 0 for none'],
  ['COLUMNS', "the width to print for; default: the terminal's"],
  ['CI', 'true: ask nothing, redraw nothing'],
];

/** A page that belongs to no verb: `exit-codes` or `environment`; undefined for anything else. */
export function helpPage(topic: string): string | undefined {
  if (topic === 'exit-codes') return listed('Exit codes', EXIT_CODES);
  if (topic === 'environment') return listed('Environment', ENVIRONMENT);
  return undefined;
}

function listed(title: string, rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return `${title}\n${rows.map(([name, meaning]) => `  ${name.padEnd(width)}  ${meaning}\n`).join('')}`;
}
