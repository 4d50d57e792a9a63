import type { Words } from '../words.ts';
import { type CommandSpec, type OptionSpec, YES } from './command.ts';

const NAME = {
  name: '<name>',
  description: "the connection's name or id",
  completes: 'connections',
} as const;

const URL_OPTION: OptionSpec = {
  flags: '--url <url>',
  description:
    'postgres://user@host:port/database?sslmode=…, a libpq keyword string, ssh://user@host:port, or kubernetes://host:port?ca-file=…',
};
const SECRETS: readonly OptionSpec[] = [
  { flags: '--password-stdin', description: "read the target's password, or a private key, from stdin" },
  {
    flags: '--secret-ref <ref>',
    description: 'read it when a session opens: env:NAME, file:PATH or exec:COMMAND',
  },
];
const KEYS: readonly OptionSpec[] = [
  { flags: '--key <ref>', description: 'SSH: the private key, as file:/absolute/path or exec:COMMAND' },
  { flags: '--key-passphrase-stdin', description: 'SSH: read the passphrase of the private key from stdin' },
  {
    flags: '--key-passphrase-ref <ref>',
    description: 'SSH: read it when a session opens: env:NAME, file:PATH or exec:COMMAND',
  },
  {
    flags: '--jump <connection>',
    description: 'SSH: reach the host through another SSH connection',
    completes: 'connections',
  },
  {
    flags: '--known-hosts <file>',
    description: 'SSH: know the host by a known_hosts file',
    completes: 'files',
  },
  {
    flags: '--host-ca <file>',
    description: 'SSH: know the host by certificates that a key of this file has signed',
    completes: 'files',
  },
  {
    flags: '--accept-host-key',
    description: 'SSH: take the key that the host shows now for its own, without asking',
  },
];
const KUBECONFIG: readonly OptionSpec[] = [
  {
    flags: '--kubeconfig <file>',
    description: 'Kubernetes: the cluster and credential of a kubeconfig',
    completes: 'files',
  },
  { flags: '--context <name>', description: 'Kubernetes: its context; default: the current one' },
  { flags: '--impersonate', description: 'Kubernetes: requests run in the cluster as the requester' },
];
const LABEL: OptionSpec = {
  flags: '--label <key=value>',
  description: 'a label that policies can name; may be repeated',
  repeat: true,
};
const NO_TEST: OptionSpec = { flags: '--no-test', description: 'save it without connecting' };

export const connectionNoun: CommandSpec = {
  name: 'connection',
  summary: 'named targets, each with a reference to its credential',
  verbs: [
    {
      name: 'add',
      summary: 'test a target and save it under a name',
      details:
        'The password is asked for; it is never taken from a flag, because other processes can read those.',
      arguments: [{ name: '<name>', description: 'the name to save it under' }],
      options: [URL_OPTION, ...SECRETS, ...KEYS, ...KUBECONFIG, LABEL, NO_TEST],
      async run(words, { io, json, client }) {
        const { run } = await import('../connection/add.ts');
        return run({ json, ...definitionOf(words) }, io, await client());
      },
    },
    {
      name: 'list',
      summary: 'connections, and whether you may open them',
      async run(_words, { io, json, client }) {
        const { run } = await import('../connection/list.ts');
        return run({ json }, io, await client());
      },
    },
    {
      name: 'show',
      summary: 'one connection in detail',
      arguments: [NAME],
      async run(words, { io, json, client }) {
        const { run } = await import('../connection/show.ts');
        return run({ json, name: words.argument('name') }, io, await client());
      },
    },
    {
      name: 'test',
      summary: 'connect, look around, disconnect',
      arguments: [NAME],
      async run(words, { io, json, client }) {
        const { run } = await import('../connection/test.ts');
        return run({ json, name: words.argument('name') }, io, await client());
      },
    },
    {
      name: 'edit',
      summary: 'change its URL, credential or labels',
      arguments: [NAME],
      options: [
        URL_OPTION,
        ...SECRETS,
        ...KEYS,
        ...KUBECONFIG,
        { ...LABEL, description: 'replace all labels; may be repeated' },
        NO_TEST,
      ],
      async run(words, { io, json, client }) {
        const { run } = await import('../connection/edit.ts');
        return run({ json, ...definitionOf(words) }, io, await client());
      },
    },
    {
      name: 'remove',
      summary: 'forget a connection and its stored credential',
      arguments: [NAME],
      options: [YES],
      async run(words, { io, json, client }) {
        const { run } = await import('../connection/remove.ts');
        return run({ json, name: words.argument('name'), yes: words.flag('yes') }, io, await client());
      },
    },
  ],
};

/** What `add` and `edit` say of a connection. */
function definitionOf(words: Words) {
  return {
    name: words.argument('name'),
    url: words.text('url'),
    kubeconfig: words.text('kubeconfig'),
    context: words.text('context'),
    impersonate: words.flag('impersonate'),
    passwordStdin: words.flag('passwordStdin'),
    secretRef: words.text('secretRef'),
    key: words.text('key'),
    keyPassphraseStdin: words.flag('keyPassphraseStdin'),
    keyPassphraseRef: words.text('keyPassphraseRef'),
    jump: words.text('jump'),
    knownHosts: words.text('knownHosts'),
    hostCa: words.text('hostCa'),
    acceptHostKey: words.flag('acceptHostKey'),
    labels: words.list('label'),
    test: words.flag('test'),
  };
}
