import type { CallTable } from '../calls.ts';

const SYSTEMCTL =
  '-a -l -q -r -t: -n: -p: -o: --no-pager --all --full --plain --no-legend --quiet --failed --user --system --lines: --property: --type: --state: --value --output: --reverse --recursive --legend --after --before --show-types';
const IPTABLES =
  '-L -S -n -v -x -t: -4 -6 -w --list --list-rules --numeric --verbose --exact --line-numbers --table:';

/** Services, the network, and what runs at its time. */
export const SERVICES: Readonly<Record<string, CallTable>> = {
  systemctl: {
    before: SYSTEMCTL,
    reads: {
      'status show cat list-units list-unit-files list-timers list-sockets list-dependencies list-jobs list-machines list-automounts list-paths is-active is-enabled is-failed is-system-running get-default show-environment help':
        SYSTEMCTL,
      '!': `${SYSTEMCTL} --version --help`,
    },
    otherwise: 'admin',
  },
  timedatectl: {
    reads: {
      '! status show list-timezones timesync-status show-timesync':
        '-a -p: --no-pager --all --value --property:',
    },
    otherwise: 'admin',
  },
  hostnamectl: {
    reads: { '! status': '--no-pager --json: --static --pretty --transient' },
    otherwise: 'admin',
  },
  localectl: { reads: { '! status list-locales list-keymaps': '--no-pager' }, otherwise: 'admin' },
  loginctl: {
    reads: {
      '! list-sessions list-users list-seats show-session show-user session-status user-status':
        '-a -l -p: -n: -o: --no-pager --no-legend --all --full --value --property: --lines: --output:',
    },
    otherwise: 'admin',
  },
  resolvectl: {
    reads: { '! status query statistics dns! domain! service': '-4 -6 -i: --no-pager --legend' },
    otherwise: 'admin',
  },
  networkctl: {
    reads: { '! list status lldp': '-a -s -n: -l --all --stats --no-pager --no-legend --full' },
    otherwise: 'admin',
  },
  'systemd-analyze': {
    reads: {
      '! time blame critical-chain unit-paths dump calendar timespan timestamp security':
        '--no-pager --user --system',
    },
    otherwise: 'unknown',
  },
  'systemd-detect-virt': {
    reads: { '!': '-c -v -r -q --container --vm --chroot --quiet --list' },
    otherwise: 'unknown',
  },
  'systemd-cgls': { reads: { '': '-a -l -k -u: --no-pager --all --full' }, otherwise: 'unknown' },
  nmcli: {
    before: '-t -p -f: -m: -c: -g: --terse --pretty --fields: --mode: --colors: --get-values:',
    reads: {
      '! general! general/status device! device/status device/show dev! dev/status dev/show d! connection! connection/show con! con/show c! c/show radio! networking!':
        '-a --active',
    },
    otherwise: 'admin',
  },
  ufw: {
    reads: { 'status status/verbose status/numbered version show/added show/listening': '' },
    otherwise: 'admin',
  },
  'firewall-cmd': {
    reads: {
      '!': '--state --list-all --list-all-zones --list-ports --list-services --list-sources --list-interfaces --list-rich-rules --get-zones --get-services --get-active-zones --get-default-zone --permanent --zone: --query-port: --query-service: --info-zone: --info-service: --version',
    },
    otherwise: 'admin',
  },
  iptables: { reads: { '': IPTABLES }, needs: 'L S list list-rules', otherwise: 'admin' },
  'iptables-save': { reads: { '!': '-c -t: --counters --table:' }, otherwise: 'admin' },
  nft: {
    before: '-a -n -j -s -y -N -S -t -nn --handle --numeric --json --stateless --terse',
    reads: {
      'list/ruleset list/tables list/table list/chain list/chains list/sets list/set list/map list/maps list/rules':
        '',
    },
    otherwise: 'admin',
  },
  ipset: { reads: { 'list save': '-n -t -o: --name --terse --output:' }, otherwise: 'admin' },
  ethtool: {
    reads: {
      '': '-i -k -S -g -a -c -l -n -T -m -P --driver --show-features --statistics --show-ring --show-pause --show-coalesce --show-channels',
    },
    otherwise: 'admin',
  },
  tc: {
    before: '-s -d -p -j',
    reads: { 'qdisc/show qdisc/ls class/show class/ls filter/show filter/ls qdisc!': '' },
    otherwise: 'admin',
  },
  chronyc: {
    before: '-n -N -v',
    reads: { 'tracking sources sourcestats activity ntpdata serverstats': '-v -n -a' },
    otherwise: 'admin',
  },
  // Looks whether somebody listens, and sends nothing.
  nc: { reads: { '': '-z -v -n -4 -6 -u -w:' }, needs: 'z', otherwise: 'unknown' },
  ntpq: { reads: { '': '-p -n -4 -6 --peers --numeric' }, needs: 'p peers', otherwise: 'unknown' },
  supervisorctl: { reads: { 'status pid avail version tail': '' }, otherwise: 'admin' },
  'rc-service': { reads: { '!': '-l --list' }, otherwise: 'admin' },
  pm2: {
    reads: { 'list ls status l show describe info jlist prettylist': '-s', '!': '-v --version' },
    otherwise: 'unknown',
  },
  crontab: { reads: { '!': '-l -u:' }, needs: 'l', otherwise: 'admin' },
  at: { reads: { '!': '-l -q: -V' }, needs: 'l V', otherwise: 'admin' },
};
