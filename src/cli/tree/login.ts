import { type CommandSpec, YES } from './command.ts';

export const loginVerb: CommandSpec = {
  name: 'login',
  summary: 'sign in to a gateway, or to the local daemon, with an identity provider',
  details: [
    'Prints a code and where to enter it (device authorization grant); the sign-in is renewed by itself from then on.',
    'A gateway is trusted by an authority of the system, by --ca, or by the fingerprint that it printed.',
    'Machines sign in with a client of their own, or with a token of their platform:',
    '',
    '  hoopctl login https://gateway.example:8443',
    '  hoopctl login --issuer https://idp.example --client-id hoopctl',
    '  hoopctl login https://gateway.example:8443 --client-id ci --client-secret-stdin < secret',
    '  hoopctl login https://gateway.example:8443 --token-stdin < workload-token',
  ].join('\n'),
  arguments: [
    { name: '[gateway]', description: 'its URL, or the name of a context; default: the one in use' },
  ],
  options: [
    { flags: '--name <name>', description: "what to call the gateway; default: its host's name" },
    { flags: '--ca <file>', description: 'trust certificates of this authority (PEM)', completes: 'files' },
    { flags: '--fingerprint <sha256>', description: 'trust this certificate alone' },
    {
      flags: '--issuer <issuer>',
      description: "the identity provider: its URL, or the policy's name for it",
    },
    { flags: '--client-id <id>', description: 'the client to sign in as; default: as the policy says' },
    {
      flags: '--scope <scope>',
      description: 'what to ask for instead of what the policy says; may be repeated',
      repeat: true,
    },
    {
      flags: '--audience <audience>',
      description: 'what the token is to be for; default: as the policy says',
    },
    { flags: '--client-secret-stdin', description: 'a machine: read the secret of its client from stdin' },
    {
      flags: '--private-key <file>',
      description: 'a machine: the key of its client (PEM)',
      completes: 'files',
    },
    {
      flags: '--token-stdin',
      description: 'read a token from stdin: of a workload, or of an identity created there',
    },
    { flags: '--on-behalf-of <person>', description: 'a machine: say for whom it acts' },
    { flags: '--allow-http-loopback', description: 'for trials: an issuer over plain http on this machine' },
    { flags: '--saml <name>', description: 'sign in through a SAML provider of the policy' },
    { flags: '--code-stdin', description: '--saml: read the code that the browser shows from stdin' },
    { flags: '--fresh', description: 'sign in anew at the provider, as approving may ask' },
    { flags: '--no-browser', description: 'only print where to sign in' },
  ],
  async run(words, { io, home, json }) {
    const { run } = await import('../login/login.ts');
    return run(
      {
        home,
        json,
        target: words.optional('gateway'),
        name: words.text('name'),
        ca: words.text('ca'),
        fingerprint: words.text('fingerprint'),
        issuer: words.text('issuer'),
        clientId: words.text('clientId'),
        scopes: words.list('scope'),
        audience: words.text('audience'),
        clientSecretStdin: words.flag('clientSecretStdin'),
        privateKey: words.text('privateKey'),
        tokenStdin: words.flag('tokenStdin'),
        onBehalfOf: words.text('onBehalfOf'),
        saml: words.text('saml'),
        codeStdin: words.flag('codeStdin'),
        fresh: words.flag('fresh'),
        allowHttpLoopback: words.flag('allowHttpLoopback'),
        browser: words.flag('browser'),
      },
      io,
    );
  },
};

export const logoutVerb: CommandSpec = {
  name: 'logout',
  summary: 'end the sign-in, here, at the gateway and at the provider',
  arguments: [{ name: '[context]', description: 'default: the one in use' }],
  async run(words, { io, home, json }) {
    const { run } = await import('../login/logout.ts');
    return run({ home, json, context: words.optional('context') }, io);
  },
};

const NAME = { name: '<name>', description: "the context's name, or the URL of its gateway" } as const;

export const contextNoun: CommandSpec = {
  name: 'context',
  summary: 'gateways that you signed in to, and which one commands go to',
  verbs: [
    {
      name: 'list',
      summary: 'all of them; * marks the one in use',
      async run(_words, { io, home, json }) {
        const { run } = await import('../contexts/list.ts');
        return run({ home, json }, io);
      },
    },
    {
      name: 'use',
      summary: 'from now on commands go there; "local" is the daemon on this machine',
      arguments: [NAME],
      async run(words, { io, home, json }) {
        const { run } = await import('../contexts/use.ts');
        return run({ home, json, name: words.argument('name') }, io);
      },
    },
    {
      name: 'remove',
      summary: 'sign out and forget it',
      arguments: [NAME],
      options: [YES],
      async run(words, { io, home, json }) {
        const { run } = await import('../contexts/remove.ts');
        return run({ home, json, name: words.argument('name'), yes: words.flag('yes') }, io);
      },
    },
  ],
};

export const credentialVerb: CommandSpec = {
  name: 'credential',
  summary: 'a short-lived password for clients without hoopctl, through a gateway',
  details: [
    'Prints a connection URL, once. The password works for this connection alone and as long as --ttl says, and',
    'sessions end with it. Tokens work as passwords, too. Where the gateway is trusted by --ca or a fingerprint, the',
    'URL names a file that holds it for the client.',
    '',
    'For an SSH connection it prints the password alone; the user of ssh is the name of the connection, and',
    '--ssh-key makes a key of yours work as long as the password:',
    '',
    '  hoopctl credential web-1 --ssh-key ~/.ssh/id_ed25519.pub',
    '  ssh -p 2222 web-1@gateway.example uptime',
  ].join('\n'),
  arguments: [{ name: '[name]', description: 'the connection', completes: 'connections' }],
  options: [
    { flags: '--ttl <duration>', description: 'how long it works, as 15m or 2h; default 15m, at most 12h' },
    {
      flags: '--ssh-key <file>',
      description: 'SSH: a public key that may stand for the password',
      completes: 'files',
    },
    { flags: '--list', description: 'those there are' },
    { flags: '--revoke <id>', description: 'end one, and the sessions it opened' },
  ],
  async run(words, { io, json, client, home, login }) {
    const { run } = await import('../credential.ts');
    const options = {
      json,
      name: words.optional('name'),
      ttl: words.duration('ttl'),
      list: words.flag('list'),
      revoke: words.text('revoke'),
      sshKey: words.text('sshKey'),
      async rootCertificate() {
        const { rootCertificateFile } = await import('../root-certificate.ts');
        return rootCertificateFile(home, login(), io);
      },
    };
    return run(options, io, await client());
  },
};
