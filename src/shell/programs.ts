import type { OptionRule, WrapperSyntax } from './options.ts';

/**
 * What programs do, by name. A program that is not here is `unknown`; an entry is added only with every option of
 * the program's manual page looked at. Where options matter they are named with what they turn the call into.
 */

const list = (names: string): ReadonlySet<string> => new Set(names.trim().split(/\s+/));

/** Read, whatever their arguments. */
export const READERS = list(`
  arch base32 base64 basename cat cksum cmp cut df dirname du echo expand expr factor false fold free
  getconf getent grep egrep fgrep groups head hexdump id iostat join last locale ls lsb_release lsblk lscpu
  lsmem lspci lsusb md5sum mpstat nl nproc numfmt od paste pgrep pidof printenv ps pwd readlink
  realpath rev seq sha1sum sha224sum sha256sum sha384sum sha512sum b2sum sleep stat strings sum tac tail
  tr true tty uname unexpand uptime users vmstat w wc whereis which who whoami zcat bzcat xzcat zgrep
  dpkg-query namei lsmod lslocks column comm diff host findmnt lsns git-upload-pack git-upload-archive
`);

/** Words of the shell itself that change nothing outside of it. */
export const SHELL_WORDS = list(
  `: cd pushd popd dirs exit return break continue shift wait times umask ulimit type`,
);

/** Write files, whatever their arguments. */
export const WRITERS = list(`
  chgrp chmod chown cp link ln mkdir mkfifo mktemp mv rm rmdir setfacl chattr shred sync tee touch truncate
  unlink csplit gzip gunzip bzip2 bunzip2 xz unxz git-receive-pack
`);

/** Change the machine: services, packages, disks, users, kernel, processes. */
export const ADMINISTRATORS = list(`
  adduser addgroup apk apt apt-get aptitude at atrm batch blkdiscard blockdev chpasswd chsh chfn cfdisk cryptsetup dd
  debugfs delgroup deluser depmod dnf docker dpkg dpkg-reconfigure e2fsck ethtool fdisk fsck gdisk gpasswd groupadd groupdel
  groupmod halt helm hwclock init insmod ip6tables iptables iptables-restore ipset kill killall kpartx kubectl
  losetup lvcreate lvextend lvremove lvresize mdadm mkfs mkfs.ext4 mkfs.xfs mkfs.btrfs mknod mkswap modprobe mount
  nft pacman parted partprobe passwd pkill podman poweroff pvcreate reboot renice resize2fs rmmod route runlevel
  sfdisk shutdown skill snap swapoff swapon telinit tune2fs ufw umount update-alternatives update-rc.d
  useradd userdel usermod vgcreate vgremove vigr vipw visudo wipefs xfs_growfs yum zypper firewall-cmd
  setenforce semanage restorecon chcon sysctl crontab service systemctl journalctl dmesg hostname hostnamectl
  timedatectl localectl loginctl ip ifconfig arp date
`);

/** Programs whose calls read unless an option says otherwise; then they do `otherwise`. */
export interface OptionedReader extends OptionRule {
  readonly otherwise: 'write' | 'admin' | 'unknown';
  /** More operands than this are `otherwise` too: an output file, a value to be set. */
  readonly operands?: number;
}

export const OPTIONED_READERS: ReadonlyMap<string, OptionedReader> = new Map<string, OptionedReader>([
  ['sort', { long: ['output', 'compress-program'], short: 'o', otherwise: 'unknown' }],
  ['uniq', { operands: 1, otherwise: 'write' }],
  ['shuf', { short: 'o', long: ['output'], otherwise: 'write' }],
  ['file', { short: 'C', long: ['compile'], otherwise: 'write' }],
  ['xxd', { short: 'r', operands: 1, otherwise: 'write' }],
  ['tree', { short: 'oR', otherwise: 'write' }],
  ['jq', { otherwise: 'unknown' }],
  ['ss', { short: 'KD', long: ['kill', 'diag'], otherwise: 'admin' }],
  ['netstat', { otherwise: 'unknown' }],
  ['lsof', { short: 'Dm', otherwise: 'unknown' }],
  [
    'dmesg',
    {
      short: 'cCDEn',
      long: ['clear', 'read-clear', 'console-off', 'console-on', 'console-level'],
      otherwise: 'admin',
    },
  ],
  ['dig', { otherwise: 'unknown' }],
  ['top', { otherwise: 'unknown' }],
  ['hostname', { short: 'FbB', long: ['file', 'boot'], operands: 0, otherwise: 'admin' }],
  ['ifconfig', { operands: 1, otherwise: 'admin' }],
  ['mount', { short: 'aovtorwBRMULi', long: ['all', 'bind', 'move'], operands: 0, otherwise: 'admin' }],
  ['route', { operands: 0, otherwise: 'admin' }],
  ['arp', { short: 'dsf', operands: 1, otherwise: 'admin' }],
  ['crontab', { short: 'reiTu', operands: 0, otherwise: 'admin' }],
  [
    'journalctl',
    {
      long: [
        'vacuum-size',
        'vacuum-files',
        'vacuum-time',
        'rotate',
        'flush',
        'sync',
        'relinquish-var',
        'smart-relinquish-var',
        'update-catalog',
        'setup-keys',
        'cursor-file',
        'force',
      ],
      otherwise: 'admin',
    },
  ],
  ['sysctl', { short: 'wpfb', long: ['write', 'load', 'system'], otherwise: 'admin' }],
  ['ping', { short: 'f', otherwise: 'admin' }],
  ['traceroute', { otherwise: 'unknown' }],
  ['tracepath', { otherwise: 'unknown' }],
  ['cal', { otherwise: 'unknown' }],
  [
    'dpkg',
    {
      long: [
        'install',
        'unpack',
        'configure',
        'remove',
        'purge',
        'update-avail',
        'merge-avail',
        'clear-avail',
        'record-avail',
        'set-selections',
        'clear-selections',
        'triggers-only',
        'admindir',
        'root',
        'instdir',
        'pre-invoke',
        'post-invoke',
        'build',
        'extract',
        'control',
        'fsys-tarfile',
        'vextract',
        'command-fd',
        'add-architecture',
        'remove-architecture',
        'status-logger',
        'force-all',
      ],
      short: 'iPrABbxXeRD',
      otherwise: 'admin',
    },
  ],
]);

/** Programs told by their first operand; options before it make the call what `otherwise` says. */
export interface Verbs {
  readonly read: ReadonlySet<string>;
  readonly write?: ReadonlySet<string>;
  readonly otherwise: 'admin' | 'unknown';
  /** Options after the verb that read as well; any other is `otherwise`. */
  readonly harmless: RegExp;
  /** Options that may stand before the verb; whatever else stands there makes the call `otherwise`. */
  readonly before?: WrapperSyntax;
}

export const VERBS: ReadonlyMap<string, Verbs> = new Map<string, Verbs>([
  [
    'systemctl',
    {
      read: list(
        'status show cat list-units list-unit-files list-timers list-sockets list-dependencies list-jobs is-active is-enabled is-failed is-system-running get-default show-environment help',
      ),
      otherwise: 'admin',
      before: { longFlags: ['no-pager', 'all', 'full', 'plain', 'quiet', 'user', 'system', 'failed'] },
      harmless:
        /^(--no-pager|--all|-a|-l|--full|--plain|--no-legend|--quiet|-q|--failed|--user|--system|-n|--lines=\d+|-n\d+|--property=[\w,]+|--type=[\w,]+|--state=[\w,-]+|--value|-p|-t|-o|--output=[\w-]+|--reverse|--recursive|-r)$/,
    },
  ],
  [
    'timedatectl',
    {
      read: list('status show list-timezones timesync-status'),
      otherwise: 'admin',
      harmless: /^(--no-pager|--all|-a|--value|--property=\w+)$/,
    },
  ],
  ['hostnamectl', { read: list('status'), otherwise: 'admin', harmless: /^(--no-pager|--json=\w+)$/ }],
  [
    'localectl',
    { read: list('status list-locales list-keymaps'), otherwise: 'admin', harmless: /^--no-pager$/ },
  ],
  [
    'loginctl',
    {
      read: list('list-sessions list-users show-session show-user session-status user-status'),
      otherwise: 'admin',
      harmless: /^--no-pager$/,
    },
  ],
  [
    'docker',
    {
      read: list('ps logs inspect images stats top version info port diff history events'),
      otherwise: 'admin',
      harmless:
        /^(-a|-q|-n|-f|-t|--all|--quiet|--follow|--no-trunc|--no-stream|--tail=\w+|--since=\S+|--until=\S+|--format=.*|--filter=.*|--timestamps|--tail|--since|--format|--filter|-s|--size)$/,
    },
  ],
  [
    'apt',
    {
      read: list('list show search policy depends rdepends'),
      otherwise: 'admin',
      harmless: /^(--installed|--upgradable|-a|--all-versions)$/,
    },
  ],
  [
    'apt-cache',
    {
      read: list('show search policy depends rdepends showpkg stats madison'),
      otherwise: 'admin',
      harmless: /^(--installed|--names-only|-n|-f|--full)$/,
    },
  ],
  [
    'git',
    {
      read: list(
        'log show status diff rev-parse rev-list ls-files ls-tree cat-file describe shortlog blame merge-base name-rev version upload-pack count-objects for-each-ref show-ref',
      ),
      write: list('receive-pack'),
      otherwise: 'unknown',
      before: { values: 'C', flags: 'P', longFlags: ['no-pager', 'no-optional-locks'] },
      harmless:
        /^(-n|-\d+|-p|-s|-q|-z|-U\d+|--oneline|--stat|--graph|--all|--decorate|--short|--porcelain|--name-only|--name-status|--no-pager|--no-color|--color=\w+|--abbrev-ref|--verify|--cached|--staged|--tags|--always|--dirty|--since=\S+|--until=\S+|--author=\S+|--max-count=\d+|--format=.*|--pretty=.*|--branch|-b|--strict|--stateless-rpc|--quiet|--count|--follow|--no-merges|--show-toplevel)$/,
    },
  ],
]);

/** Run code that is given as text, or from a file, or typed into them. */
export const INTERPRETERS = list(`
  perl python python2 python3 ruby node nodejs php lua tclsh wish expect gdb m4 make vi vim nvim view ex ed emacs nano
  less more man psql mysql sqlite3 mongo redis-cli ftp telnet nc ncat netcat socat ssh scp-client sftp curl wget screen tmux
  script watch parallel flock unshare nsenter chroot su runuser pkexec setpriv systemd-run at batch awk gawk mawk nawk bc dc
  eval source . alias unalias trap enable shopt mapfile readarray getopts caller complete bind fc
  openssl gpg strace ltrace ansible fish csh tcsh zsh ksh mksh
`);

/** Show what they print in a pager when they are on a terminal, and a pager runs commands. */
export const PAGED = list(
  'journalctl systemctl git apt timedatectl hostnamectl localectl loginctl dpkg dpkg-query',
);

/** Take keys on a terminal, some of which change things. */
export const KEYED = list('top');

/** Read a command line themselves. */
export const SHELLS = list('sh bash dash ash');

/** Where a program given by its path is the one of that name. */
export const STANDARD_DIRECTORIES = list('/bin /sbin /usr/bin /usr/sbin /usr/local/bin /usr/local/sbin');
