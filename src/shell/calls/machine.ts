import type { CallTable } from '../calls.ts';

const SQUEEZED =
  '-c -d -f -k -l -n -N -q -t -v -1 -2 -3 -4 -5 -6 -7 -8 -9 --stdout --to-stdout --decompress --uncompress --keep --list --test --verbose --quiet --fast --best --force';

/** Disks, hardware, files and terminals. */
export const MACHINE: Readonly<Record<string, CallTable>> = {
  'nvidia-smi': {
    reads: {
      '!': '-L -q -i: -l: -d: -x --list-gpus --query --id: --loop: --query-gpu: --query-compute-apps: --format: --display:',
    },
    otherwise: 'admin',
  },
  hwclock: { reads: { '!': '-r -v -u -l --show --verbose --utc --localtime --get' }, otherwise: 'admin' },
  fdisk: { reads: { '': '-l -x -u -o: --list --bytes --output:' }, needs: 'l x list', otherwise: 'admin' },
  parted: { reads: { '!': '-l -s -m --list --script --machine' }, needs: 'l list', otherwise: 'admin' },
  swapon: {
    reads: { '!': '-s --show --summary --noheadings --raw --bytes' },
    needs: 's show summary',
    otherwise: 'admin',
  },
  mdadm: {
    reads: { '': '-D -E -Q -s -v -b --detail --examine --query --scan --verbose --brief --test' },
    needs: 'D E Q detail examine query',
    otherwise: 'admin',
  },
  smartctl: {
    reads: {
      '': '-a -x -H -i -A -c -l: -d: -n: -q: --all --xall --health --info --attributes --capabilities --scan --scan-open --json --device:',
    },
    otherwise: 'admin',
  },
  blkid: {
    reads: {
      '': '-p -i -k -l -o: -s: -t: -u: -n: --probe --info --output: --match-tag: --match-token: --list-one',
    },
    otherwise: 'admin',
  },
  zpool: {
    reads: { 'status list get history iostat events': '-v -x -H -L -P -g -o: -p -T:' },
    otherwise: 'admin',
  },
  zfs: { reads: { 'list get holds version': '-H -r -t: -o: -s: -S: -d: -p' }, otherwise: 'admin' },
  btrfs: {
    reads: {
      'filesystem/show filesystem/df filesystem/usage fi/show fi/df fi/usage subvolume/list device/stats scrub/status':
        '-h -b -a -t',
    },
    otherwise: 'admin',
  },
  lastlog: { reads: { '!': '-u: -t: -b: --user: --time: --before:' }, otherwise: 'admin' },
  numactl: { reads: { '!': '-H -s --hardware --show' }, otherwise: 'unknown' },
  gzip: { reads: { '': SQUEEZED }, needs: 'c l t stdout to-stdout list test', otherwise: 'write' },
  unzip: { reads: { '': '-l -v -p -c -t -q -Z -z -a -C -x' }, needs: 'l v p c t Z z', otherwise: 'write' },
  openssl: {
    oneDash: true,
    reads: {
      'version! version': '--a --v --d --b --o --p',
      'x509 crl req':
        '--in: --inform: --noout --text --subject --issuer --dates --startdate --enddate --serial --fingerprint --sha1 --sha256 --hash --subject_hash --issuer_hash --purpose --ext: --email --modulus --pubkey --checkend: --nameopt: --certopt: --alias --ocsp_uri --verify --lastupdate --nextupdate',
      'asn1parse pkcs7':
        '--in: --inform: --i --noout --print_certs --text --strparse: --offset: --length: --dump',
      verify:
        '--CAfile: --CApath: --untrusted: --trusted: --purpose: --verbose --show_chain --partial_chain --crl_check --no-CAfile --no-CApath --x509_strict --verify_hostname:',
      'dgst md5 sha1 sha256 sha384 sha512':
        '--md5 --sha1 --sha224 --sha256 --sha384 --sha512 --hex --r --c --binary',
      ciphers: '--v --V --s --tls1_2 --tls1_3 --stdname',
      prime: '',
      errstr: '',
    },
    otherwise: 'unknown',
  },
  'ssh-keygen': { reads: { '': '-l -v -f: -E: -F:' }, needs: 'l F', otherwise: 'unknown' },
  xmllint: {
    reads: { '': '--format --noout --xpath: --nonet --html --recover --encode: --c14n --debug --version' },
    otherwise: 'unknown',
  },
  man: {
    reads: { '': '-k -f -w -a -s: --where --whatis --apropos --all --sections:' },
    otherwise: 'unknown',
  },
  less: { reads: { '': '-N -S -R -r -F -X -i -I -n -s -e -E -M -m -c -f' }, otherwise: 'unknown' },
  tmux: {
    reads: { 'ls list-sessions list-windows list-panes has-session': '-a -t: -s' },
    otherwise: 'unknown',
  },
  screen: {
    oneDash: true,
    reads: { '!': '--ls --list --v --version' },
    needs: 'ls list v version',
    otherwise: 'unknown',
  },
};
