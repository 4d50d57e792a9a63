import type { CallTable } from '../calls.ts';

const YUM =
  '-q -v -y -C --quiet --verbose --cacheonly --all --installed --available --updates --upgrades --extras --obsoletes --showduplicates --enabled --disabled --security';
const APT = '-a -n -f --installed --upgradable --upgradeable --all-versions --names-only --full --verbose';

/** Package managers. */
export const PACKAGES: Readonly<Record<string, CallTable>> = {
  apt: {
    reads: { 'list show search policy depends rdepends showsrc': APT, '!': '-v --version' },
    otherwise: 'admin',
  },
  'apt-cache': {
    reads: { 'show search policy depends rdepends showpkg showsrc stats madison pkgnames dump unmet': APT },
    otherwise: 'admin',
  },
  'apt-get': { reads: { '!': '-v --version', indextargets: '' }, otherwise: 'admin' },
  'apt-mark': {
    reads: { 'showhold showauto showmanual showinstall showremove showpurge': '' },
    otherwise: 'admin',
  },
  yum: {
    before: YUM,
    reads: {
      'list info search repolist provides whatprovides check-update deplist updateinfo history! history/list history/info':
        YUM,
      '!': '--version',
    },
    otherwise: 'admin',
  },
  rpm: {
    reads: {
      '': '-q -a -l -i -f -c -d -p -R -V -s -v --query --all --list --info --file --configfiles --docfiles --package --requires --provides --conflicts --obsoletes --whatprovides: --whatrequires: --queryformat: --qf: --last --changelog --scripts --triggers --verify --nofiles --nomd5 --nodigest --nosignature --version',
    },
    needs: 'q V query verify version',
    otherwise: 'admin',
  },
  snap: {
    reads: { 'list info find version services changes connections': '--all --color: --unicode: -a' },
    otherwise: 'admin',
  },
  apk: {
    reads: { 'info list policy version search stats': '-a -d -L -e -R -r -v -I -u --installed --upgradable' },
    otherwise: 'admin',
  },
  pacman: {
    reads: {
      '': '-Q -i -l -o -s -e -d -m -n -q -t -u -k -g --query --info --list --owns: --search: --quiet',
    },
    needs: 'Q query',
    otherwise: 'admin',
  },
  zypper: {
    reads: { 'search se info if list-updates lu repos lr packages pa': '-i -s --installed-only' },
    otherwise: 'admin',
  },
  pip: {
    reads: {
      'list show freeze check':
        '-o -u -l -v -q -f --outdated --uptodate --local --user --format: --files --all --not-required --verbose',
      '!': '-V --version',
    },
    otherwise: 'unknown',
  },
  npm: {
    reads: {
      'ls list ll la outdated root prefix':
        '-g -a -l --global --depth: --all --json --long --parseable --prod --production --omit:',
      '!': '-v --version',
    },
    otherwise: 'unknown',
  },
  gem: { reads: { list: '-l -d -a -i --local --details --all', '!': '-v --version' }, otherwise: 'unknown' },
  go: { reads: { 'version! env!': '' }, otherwise: 'unknown' },
  terraform: { reads: { version: '' }, otherwise: 'unknown' },
};
