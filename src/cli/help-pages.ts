import { UsageError } from '../base/errors.ts';
import { didYouMean } from '../base/nearest.ts';
import { EXIT_CODES } from './exit-codes.ts';
import type { CommandSpec } from './tree/command.ts';

const ENVIRONMENT: readonly (readonly [name: string, meaning: string])[] = [
  ['HOOPCTL_HOME', "the state directory; default: the platform's own place"],
  ['HOOPCTL_TOKEN', 'the identity to act as; default: the sign-in, else the owner stored by init'],
  ['HOOPCTL_GATEWAY', 'where commands go: a context, the URL of a gateway, or local'],
  ['HOOPCTL_GATEWAY_CA', 'a file of authorities (PEM) for a gateway named by its URL'],
  ['HOOPCTL_GATEWAY_FINGERPRINT', 'the SHA-256 of the certificate of a gateway named by its URL'],
  [
    'HTTPS_PROXY, NO_PROXY',
    'the HTTP proxy on the way to gateways, issuers and webhooks, and for which hosts there is none',
  ],
  ['BROWSER', 'the program that login opens a page with'],
  [
    'HOOPCTL_INTROSPECTION_SECRET_NAME',
    'for a gateway: the secret by which it asks the issuer NAME about tokens',
  ],
  ['HOOPCTL_SECRET_STORE', 'for the daemon: encrypted leaves the system keychain alone'],
  ['HOOPCTL_SECRET_PASSPHRASE_FILE', 'for the daemon: a file whose text locks the encrypted secrets'],
  ['HOOPCTL_LOG_LEVEL', 'for the daemon: error, warn, info (the default) or debug'],
  ['OTEL_…', 'for the daemon: traces, by the usual variables of OpenTelemetry; none without an endpoint'],
  ['HOOPCTL_DEBUG', 'print where in the program an error came from'],
  ['NO_COLOR', 'no colour, when set to anything'],
  ['FORCE_COLOR', 'colour even when the output is no terminal; 0 for none'],
  ['COLUMNS', "the width to print for; default: the terminal's"],
  ['CI', 'true: ask nothing, redraw nothing'],
];

/** Pages that belong to no verb. */
const PAGES: Readonly<Record<string, () => string>> = {
  'exit-codes': () => listed('Exit codes', EXIT_CODES),
  environment: () => listed('Environment', ENVIRONMENT),
};

/** What is asked for behind `hoopctl help`: a page of its own, or the words of a verb to be asked with `--help`. */
export type HelpTopic =
  | { readonly kind: 'page'; readonly text: string }
  | { readonly kind: 'verb'; readonly words: readonly string[] };

/** Throws UsageError `no_such_topic`, with what it may have meant. */
export function helpTopic(words: readonly string[], root: CommandSpec): HelpTopic {
  const [first = ''] = words;
  const page = Object.hasOwn(PAGES, first) ? PAGES[first] : undefined;
  if (page !== undefined && words.length === 1) return { kind: 'page', text: page() };
  let spec = root;
  for (const [index, word] of words.entries()) {
    const verbs = spec.verbs ?? [];
    const next = verbs.find(({ name }) => name === word);
    if (next === undefined) {
      const known = [...verbs.map(({ name }) => name), ...(index === 0 ? Object.keys(PAGES) : [])];
      const path = ['hoopctl', ...words.slice(0, index)].join(' ');
      throw new UsageError(
        'no_such_topic',
        `there is no help on "${words.join(' ')}"${didYouMean(word, known)}`,
        {
          next: `${path} --help`,
        },
      );
    }
    spec = next;
  }
  return { kind: 'verb', words };
}

function listed(title: string, rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return `${title}\n${rows.map(([name, meaning]) => `  ${name.padEnd(width)}  ${meaning}\n`).join('')}`;
}
