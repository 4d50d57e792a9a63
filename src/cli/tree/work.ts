import { statedWords } from '../stated.ts';
import { CONNECTION, type CommandSpec, STATED } from './command.ts';

export const connectVerb: CommandSpec = {
  name: 'connect',
  summary: 'open the native client (psql, pgcli, ssh …) through the daemon',
  details: [
    'Without ARGS the client is psql. ARGS that start with "-" are arguments for it; otherwise the first of them',
    'is the program to run. The endpoint reaches the program in PGHOST, PGPORT, PGUSER, PGPASSWORD and PGDATABASE;',
    'it serves this program alone and ends with it.',
    '',
    '  hoopctl connect prod-db',
    "  hoopctl connect prod-db -- -c 'select now()'",
    '  hoopctl connect prod-db --client pgcli',
    '  hoopctl connect prod-db -- pg_dump --schema-only',
    '',
    'For an SSH connection the client is ssh, and ARGS are its options and the command to run:',
    '',
    '  hoopctl connect web-1',
    '  hoopctl connect web-1 -- uptime',
    '  hoopctl connect web-1 --client sftp',
  ].join('\n'),
  arguments: [
    CONNECTION,
    { name: '[args...]', description: 'after --: arguments for psql, or another program' },
  ],
  options: [{ flags: '--client <program>', description: 'the client to run instead of psql' }, ...STATED],
  async run(words, { io, home, client }) {
    const { run } = await import('../connect.ts');
    return run(
      {
        name: words.argument('name'),
        args: words.rest('args'),
        client: words.text('client'),
        home,
        ...statedWords(words),
      },
      io,
      await client(),
    );
  },
};

export const proxyVerb: CommandSpec = {
  name: 'proxy',
  summary: 'hold a local endpoint open and print how to reach it',
  details:
    'Serves any number of clients until Ctrl-C. With --json the first line has url, host, port, user, password and database.',
  arguments: [CONNECTION],
  options: [
    { flags: '--port <port>', description: 'the port on 127.0.0.1; default: an unused one' },
    { flags: '--socket', description: 'a Unix socket instead of a port' },
    { flags: '--stdio', description: "one SSH client on stdin and stdout, for OpenSSH's ProxyCommand" },
    ...STATED,
  ],
  async run(words, { io, json, home, client }) {
    if (words.flag('stdio')) {
      const { run } = await import('../proxy-stdio.ts');
      return run({ name: words.argument('name'), home, ...statedWords(words) }, io, await client());
    }
    const { run } = await import('../proxy.ts');
    const port = words.wholeNumber('port', 1, 65_535);
    return run(
      { json, name: words.argument('name'), port, socket: words.flag('socket'), ...statedWords(words) },
      io,
      await client(),
    );
  },
};

export const execVerb: CommandSpec = {
  name: 'exec',
  summary: 'run statements once, for scripts and CI',
  details: [
    'Statements come from the command line, -c, -f, or stdin. Results go to stdout as psql prints them, or as one JSON document.',
    'A file is one transaction, unless a statement in it refuses one; a failed statement is named with its line.',
    'Exit codes: 6 blocked by policy, 7 denied, 8 approval expired, withdrawn or timed out.',
  ].join('\n'),
  arguments: [CONNECTION, { name: '[sql]', description: 'the statement, as with -c' }],
  options: [
    { flags: '-c, --command <sql>', description: 'the statement; may be repeated', repeat: true },
    { flags: '-f, --file <file>', description: 'a file of statements', completes: 'files' },
    {
      flags: '--wait <duration>',
      description: 'how long to wait for approvals, as 90s or 20m; default: their expiry',
    },
    ...STATED,
  ],
  async run(words, { io, json, client }) {
    const { run } = await import('../exec/exec.ts');
    const sql = words.optional('sql');
    const options = {
      json,
      name: words.argument('name'),
      commands: [...(sql === undefined ? [] : [sql]), ...words.list('command')],
      file: words.text('file'),
      wait: words.duration('wait'),
      ...statedWords(words),
    };
    return run(options, io, await client());
  },
};

export const kubeconfigVerb: CommandSpec = {
  name: 'kubeconfig',
  summary: 'print a kubeconfig, so that kubectl, helm, k9s and client libraries go through the daemon',
  details: [
    'The file holds no credential: clients run hoopctl to get one that is good for a quarter of an hour, as the',
    'identity (HOOPCTL_TOKEN or the stored one) of whoever runs them.',
    '',
    '  hoopctl kubeconfig prod-k8s > ~/.kube/prod-k8s',
    '  KUBECONFIG=~/.kube/prod-k8s kubectl get pods',
  ].join('\n'),
  arguments: [CONNECTION],
  options: [
    {
      flags: '--port <port>',
      description: 'the port on 127.0.0.1; default: an unused one, kept in the file',
    },
    {
      flags: '--credential',
      description: 'what clients run: print an ExecCredential for the endpoint at --port',
    },
    {
      flags: '--hold',
      description:
        'what that starts where a gateway is in use: relay clients to it until nobody asks any more',
    },
  ],
  async run(words, { io, client, home, login }) {
    const { run } = await import('../kubeconfig.ts');
    const options = {
      name: words.argument('name'),
      port: words.wholeNumber('port', 1, 65_535),
      credential: words.flag('credential'),
      hold: words.flag('hold'),
      home,
      gateway: login().gateway?.url,
      program: [process.execPath, process.argv[1] ?? 'hoopctl'] as const,
    };
    return run(options, io, await client());
  },
};

export const sshConfigVerb: CommandSpec = {
  name: 'ssh-config',
  summary: 'print Host blocks, so that ssh, scp, sftp, rsync and git go through the gateway',
  details: [
    'Each block proves the gateway by its own host key and the client by a key of this machine, which opens nothing',
    'without the identity (HOOPCTL_TOKEN or the stored one) that runs the ProxyCommand.',
    '',
    '  hoopctl ssh-config --install                # or: ssh-config > FILE, and in ~/.ssh/config: Include FILE',
    '  ssh web-1 uptime; scp file web-1:/tmp/; rsync -a dir/ web-1:dir/',
  ].join('\n'),
  arguments: [
    {
      name: '[names...]',
      description: 'the connections; all SSH connections that you may open when left out',
      completes: 'connections',
    },
  ],
  options: [
    {
      flags: '--install',
      description: 'write them to ~/.ssh/hoopctl.conf and include that in ~/.ssh/config, once',
    },
  ],
  async run(words, { io, json, home, client, login }) {
    const { run } = await import('../ssh-config.ts');
    const program = [process.execPath, process.argv[1] ?? 'hoopctl'];
    const { gateway, name } = login();
    const options = {
      json,
      names: words.rest('names'),
      home,
      program,
      gateway: gateway === undefined ? undefined : name,
      install: words.flag('install'),
    };
    return run(options, io, await client());
  },
};
