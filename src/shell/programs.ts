import type { OptionRule } from './options.ts';

/**
 * What programs do, by name. A program that is not here is `unknown`; an entry is added only with every option of
 * the program's manual page looked at. Where options matter they are named with what they turn the call into.
 */

const list = (names: string): ReadonlySet<string> => new Set(names.trim().split(/\s+/));

/** Read, whatever their arguments. */
export const READERS = list(`
  arch base32 basename cat cksum cmp cut df dirname du echo expand expr factor false fold free
  getconf getent grep egrep fgrep groups head hexdump id iostat join last locale ls lsb_release lsblk lscpu
  lsmem lspci lsusb md5sum mpstat nl nproc numfmt od paste pgrep pidof printenv ps pwd readlink
  realpath rev seq sha1sum sha224sum sha256sum sha384sum sha512sum b2sum sleep stat strings sum tac tail
  tr true tty uname unexpand uptime users vmstat w wc whereis which who whoami zcat bzcat xzcat zgrep
  dpkg-query namei lsmod lslocks column comm diff host findmnt lsns git-upload-pack git-upload-archive
  pstree lsattr getfacl getcap lsipc ipcs getenforce sestatus aa-status uuidgen logname hostid pinky tput pr fmt nslookup
  modinfo locate plocate mlocate atq lastb bc pg_isready zipinfo pwdx readelf showmount tsort lzcat zcmp
  zdiff netstat yes look pg_lsclusters traceroute tracepath ping6 cal ncal top systemd-cgtop dig jq help clear
`);

/** Words of the shell itself that change nothing outside of it. */
export const SHELL_WORDS = list(
  `: cd pushd popd dirs exit logout return break continue shift times umask ulimit type`,
);

/** Write files, whatever their arguments. */
export const WRITERS = list(`
  chgrp chmod chown cp link ln mkdir mkfifo mktemp mv rm rmdir setfacl chattr shred sync tee touch truncate
  unlink csplit split git-receive-pack
`);

/** Change the machine: services, packages, disks, users, kernel, processes. */
export const ADMINISTRATORS = list(`
  adduser addgroup aptitude atrm batch blkdiscard blockdev chpasswd chsh chfn cfdisk cryptsetup dd debugfs
  delgroup deluser depmod dpkg dpkg-reconfigure e2fsck fsck gdisk gpasswd groupadd groupdel groupmod halt init
  insmod iptables-restore kill killall kpartx losetup lvcreate lvextend lvremove lvresize mkfs mkfs.ext4 mkfs.xfs
  mkfs.btrfs mknod mkswap modprobe mount partprobe passwd pkill poweroff pvcreate reboot renice resize2fs rmmod
  route runlevel sfdisk shutdown skill swapoff telinit tune2fs umount update-alternatives update-rc.d useradd
  userdel usermod vgcreate vgremove vigr vipw visudo wipefs xfs_growfs setenforce semanage restorecon chcon sysctl
  service journalctl dmesg hostname ip ifconfig arp date
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
  // It writes a file of settings.
  ['pmap', { short: 'Nn', long: ['create-rc', 'create-rc-to'], otherwise: 'write' }],
  [
    'zstdcat',
    {
      short: 'o',
      long: [
        'rm',
        'output-dir-flat',
        'output-dir-mirror',
        'train',
        'train-cover',
        'train-fastcover',
        'train-legacy',
      ],
      otherwise: 'write',
    },
  ],
  ['shuf', { short: 'o', long: ['output'], otherwise: 'write' }],
  ['file', { short: 'C', long: ['compile'], otherwise: 'write' }],
  ['tree', { short: 'oR', otherwise: 'write' }],
  ['ss', { short: 'KD', long: ['kill', 'diag'], otherwise: 'admin' }],
  ['lsof', { short: 'Dm', otherwise: 'unknown' }],
  [
    'dmesg',
    {
      short: 'cCDEn',
      long: ['clear', 'read-clear', 'console-off', 'console-on', 'console-level'],
      otherwise: 'admin',
    },
  ],
  ['hostname', { short: 'FbB', long: ['file', 'boot'], operands: 0, otherwise: 'admin' }],
  ['ifconfig', { operands: 1, otherwise: 'admin' }],
  ['mount', { short: 'aovtorwBRMULi', long: ['all', 'bind', 'move'], operands: 0, otherwise: 'admin' }],
  ['route', { operands: 0, otherwise: 'admin' }],
  ['arp', { short: 'dsf', operands: 1, otherwise: 'admin' }],
  ['base64', { short: 'o', long: ['output'], otherwise: 'write' }],
  ['iconv', { short: 'o', long: ['output'], otherwise: 'write' }],
  ['rg', { long: ['pre', 'hostname-bin'], otherwise: 'unknown' }],
  ['ag', { long: ['pager'], otherwise: 'unknown' }],
  ['fd', { short: 'xX', long: ['exec', 'exec-batch'], otherwise: 'unknown' }],
  ['fdfind', { short: 'xX', long: ['exec', 'exec-batch'], otherwise: 'unknown' }],
  ['sdiff', { short: 'o', long: ['output', 'diff-program'], otherwise: 'unknown' }],
  ['diff3', { long: ['diff-program'], otherwise: 'unknown' }],
  ['yq', { short: 'is', long: ['inplace', 'in-place', 'split-exp', 'split-exp-file'], otherwise: 'unknown' }],
  ['whois', { short: 'hp', long: ['host', 'port'], otherwise: 'unknown' }],
  ['fuser', { short: 'kKi', long: ['kill', 'interactive'], otherwise: 'admin' }],
  ['pidstat', { short: 'e', otherwise: 'unknown' }],
  ['sar', { short: 'o', otherwise: 'write' }],
  ['sensors', { short: 's', long: ['set'], otherwise: 'admin' }],
  ['mtr', { otherwise: 'unknown' }],
  ['whatis', { short: 'C', long: ['config-file'], otherwise: 'unknown' }],
  ['apropos', { short: 'C', long: ['config-file'], otherwise: 'unknown' }],
  ...['pvs', 'vgs', 'lvs', 'pvdisplay', 'vgdisplay', 'lvdisplay'].map((name): [string, OptionedReader] => [
    name,
    {
      long: ['config', 'commandprofile', 'profile', 'driverloaded', 'devices', 'devicesfile'],
      otherwise: 'admin',
    },
  ]),
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
        'image',
      ],
      otherwise: 'admin',
    },
  ],
  ['sysctl', { short: 'wpfb', long: ['write', 'load', 'system'], otherwise: 'admin' }],
  ['ping', { short: 'f', otherwise: 'admin' }],
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

/** Run code that is given as text, or from a file, or typed into them. */
export const INTERPRETERS = list(`
  perl python python2 python3 ruby node nodejs php lua tclsh wish expect gdb m4 make vi vim nvim view ex ed emacs nano
  psql mysql sqlite3 mongo redis-cli ftp telnet nc ncat netcat socat ssh scp-client sftp curl wget 
  script watch parallel flock unshare nsenter chroot su runuser pkexec setpriv systemd-run batch awk gawk mawk nawk bc dc
  eval source . alias unalias trap enable shopt mapfile readarray getopts caller complete bind fc
  gpg strace ltrace ansible fish csh tcsh zsh ksh mksh java
  gcc nginx httpd apache2 apachectl apache2ctl sshd
`);

/** Show what they print in a pager when they are on a terminal, and a pager runs commands. */
export const PAGED = list(
  'journalctl systemctl git apt timedatectl hostnamectl localectl loginctl dpkg dpkg-query resolvectl networkctl systemd-analyze systemd-cgls nmcli',
);

/** Take keys on a terminal, some of which change things or run commands. */
export const KEYED = list('top systemd-cgtop mtr watch less more zless man tmux screen');

/** Of these, those that end by a key alone. */
export const ENDED_BY_KEYS = list('less more zless man');

/** Read a command line themselves. */
export const SHELLS = list('sh bash dash ash');

/** Where a program given by its path is the one of that name. */
export const STANDARD_DIRECTORIES = list('/bin /sbin /usr/bin /usr/sbin /usr/local/bin /usr/local/sbin');
