import type { CommandSpec } from './command.ts';

export const daemonNoun: CommandSpec = {
  name: 'daemon',
  summary: 'the process that stands between clients and targets',
  verbs: [
    {
      name: 'start',
      summary: 'start it, and return when it serves',
      options: [
        { flags: '--foreground', description: 'stay in front, for service managers; logs go to stderr' },
      ],
      async run(words, { io, home, json }) {
        const { run } = await import('../daemon/start.ts');
        return run({ home, json, foreground: words.flag('foreground') }, io);
      },
    },
    {
      name: 'stop',
      summary: 'end its sessions, flush everything, stop it',
      async run(_words, { io, json, clientIfRunning }) {
        const { run } = await import('../daemon/stop.ts');
        return run({ json }, io, clientIfRunning());
      },
    },
    {
      name: 'restart',
      summary: 'stop and start it; what waits for approval ends',
      async run(_words, { io, home, json, clientIfRunning }) {
        const { run } = await import('../daemon/restart.ts');
        return run({ home, json }, io, clientIfRunning());
      },
    },
    {
      name: 'status',
      summary: 'is it running, since when, with which policy; exit 3 when it is not',
      async run(_words, { io, json, clientIfRunning }) {
        const { run } = await import('../daemon/status.ts');
        return run({ json }, io, clientIfRunning());
      },
    },
    {
      name: 'logs',
      summary: "the daemon's own log",
      options: [{ flags: '-f, --follow', description: 'go on with what comes' }],
      async run(words, { io, home, json, clientIfRunning }) {
        const { run } = await import('../daemon/logs.ts');
        return run({ home, json, follow: words.flag('follow') }, io, clientIfRunning());
      },
    },
  ],
};
