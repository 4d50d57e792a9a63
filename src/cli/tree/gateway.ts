import type { CommandSpec } from './command.ts';

export const gatewayNoun: CommandSpec = {
  name: 'gateway',
  summary: 'the daemon for a team: the same, reached over TLS',
  verbs: [
    {
      name: 'start',
      summary: 'serve in front until SIGTERM, which lets open sessions end',
      details: [
        'The configuration says where to listen, with which certificate, and whether native clients are served;',
        'templates/gateway/ has one, with a Dockerfile, a compose file, a systemd unit and a Helm chart.',
        '/healthz says that it lives, /readyz that it takes sessions; both need no token. SIGHUP reads the certificate',
        'again. On the same machine every verb goes to it through its Unix socket.',
      ].join('\n'),
      options: [
        { flags: '--config <file>', description: "the gateway's configuration", completes: 'files' },
        { flags: '--check', description: 'read the configuration and start nothing' },
        {
          flags: '--tls-self-signed',
          description: 'for trials: a certificate of its own, trusted by its fingerprint at login',
        },
      ],
      async run(words, { io, home, json }) {
        const config = words.required('config', '--config');
        if (words.flag('check')) {
          const { run } = await import('../gateway/check.ts');
          run({ json, config, selfSigned: words.flag('tlsSelfSigned') }, io);
          return 0;
        }
        const { run } = await import('../gateway/start.ts');
        return run({ home, json, config, selfSigned: words.flag('tlsSelfSigned') }, io);
      },
    },
    {
      name: 'openapi',
      summary: 'the OpenAPI document of the API',
      async run(_words, { io }) {
        const { run } = await import('../gateway/openapi.ts');
        return run(io);
      },
    },
  ],
};
