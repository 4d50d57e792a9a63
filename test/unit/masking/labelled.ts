import type { DetectorName } from '../../../src/masking/detectors.ts';

/** Texts as they stand in databases, with what a person would mark in them. All values are made up. */
export interface Labelled {
  readonly text: string;
  readonly finds: readonly (readonly [DetectorName, string])[];
}

const JWT =
  'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U';
const JWE =
  'eyJhbGciOiJkaXIiLCJlbmMiOiJBMTI4R0NNIn0..48V1_ALb6US04U3b.5eym8TW_c8SuK0ltJ3rpYIzOeDQz7TALvtu6UG9oMo4vpzs9tX_EFShS8iB7j6ji.XFBoMYUZodetZdvT';
const PEM =
  '-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEAmade+up/base64==\n-----END RSA PRIVATE KEY-----';
const SSH_PEM =
  '-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\n-----END OPENSSH PRIVATE KEY-----';

const ALPHABET = 'aB3dE5gH7jK9mN1pQ2sT4vW6xY8zC0fL4rU6';
const HEX = '0123456789abcdef';

/** Each key by itself and behind a word that says nothing. */
function issued(keys: Readonly<Record<string, string>>): readonly Labelled[] {
  return Object.values(keys).flatMap((key): Labelled[] => [
    { text: key, finds: [['api_key', key]] },
    { text: `it was ${key}, he said`, finds: [['api_key', key]] },
  ]);
}

export const LABELLED: readonly Labelled[] = [
  // --- cards
  { text: 'paid with 4539148803436467 yesterday', finds: [['credit_card', '4539148803436467']] },
  { text: 'card: 4242 4242 4242 4242, exp 12/29', finds: [['credit_card', '4242 4242 4242 4242']] },
  { text: '5425-2334-3010-9903', finds: [['credit_card', '5425-2334-3010-9903']] },
  { text: 'amex 3742 454554 00126', finds: [['credit_card', '3742 454554 00126']] },
  { text: 'amex=374245455400126;', finds: [['credit_card', '374245455400126']] },
  { text: 'order 12 6011000991300009 ok', finds: [['credit_card', '6011000991300009']] },
  { text: 'JCB 3530111333300000', finds: [['credit_card', '3530111333300000']] },
  { text: 'diners 30569309025904', finds: [['credit_card', '30569309025904']] },
  { text: '2223003122003222 (mc 2-series)', finds: [['credit_card', '2223003122003222']] },
  {
    text: 'Karte 4111\u00a01111\u00a01111\u00a01111 bitte',
    finds: [['credit_card', '4111\u00a01111\u00a01111\u00a01111']],
  },
  { text: '4111–1111–1111–1111', finds: [['credit_card', '4111–1111–1111–1111']] },
  {
    text: 'two: 4242424242424242,5555555555554444',
    finds: [
      ['credit_card', '4242424242424242'],
      ['credit_card', '5555555555554444'],
    ],
  },
  { text: 'order number4539148803436467x', finds: [['credit_card', '4539148803436467']] },
  { text: '4539148803436468 has a wrong check digit', finds: [] },
  { text: 'tracking 1Z9999999999999999 and 9400110200793123456789', finds: [] },
  { text: 'epoch 1735689600000 and 1735689600123456', finds: [] },
  { text: '550e8400-e29b-41d4-a716-446655440000', finds: [] },
  { text: 'sha e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855', finds: [] },
  { text: 'isbn 978-3-16-148410-0', finds: [] },
  { text: '0000000000000000', finds: [] },
  { text: 'hash ab4539148803436467cd', finds: [] },
  { text: 'ids 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15', finds: [] },
  { text: 'EAN 4006381333931', finds: [] },
  { text: '2025-01-02 03:04:05.123456', finds: [] },
  { text: 'pi 3.14159265358979323846', finds: [] },

  // --- e-mail
  {
    text: 'invoice to carol.private@mailbox-example.test please',
    finds: [['email', 'carol.private@mailbox-example.test']],
  },
  { text: '<a+tag@sub.example.co.uk>', finds: [['email', 'a+tag@sub.example.co.uk']] },
  { text: 'mailto:bob_smith@example.com?subject=x', finds: [['email', 'bob_smith@example.com']] },
  { text: "o'brien@example.ie wrote", finds: [['email', "o'brien@example.ie"]] },
  { text: "'quoted@example.com'", finds: [['email', 'quoted@example.com']] },
  { text: 'jürgen@müller-gmbh.de', finds: [['email', 'jürgen@müller-gmbh.de']] },
  { text: 'user@xn--mller-kva.example', finds: [['email', 'user@xn--mller-kva.example']] },
  { text: 'ask x@y.io.', finds: [['email', 'x@y.io']] },
  { text: '{"to":"kim@example.org"}', finds: [['email', 'kim@example.org']] },
  {
    text: 'a@b.com,c@d.net',
    finds: [
      ['email', 'a@b.com'],
      ['email', 'c@d.net'],
    ],
  },
  { text: 'email=zq.erin.w5@corp-example.test&x=1', finds: [['email', 'zq.erin.w5@corp-example.test']] },
  { text: 'meet @ noon, room 3.14', finds: [] },
  { text: 'npm i @types/node@24.1.0', finds: [] },
  { text: 'user@localhost', finds: [] },
  { text: 'twitter @handle and @other.one', finds: [] },
  { text: 'a@@b.com? no: foo@ bar.com', finds: [] },
  { text: 'version 1.2@3.4', finds: [] },

  // --- US social security numbers
  { text: 'SSN 123-45-6789', finds: [['us_ssn', '123-45-6789']] },
  { text: 'itin 912-47-3301.', finds: [['us_ssn', '912-47-3301']] },
  { text: 'ss no 078 05 1120 (old)', finds: [['us_ssn', '078 05 1120']] },
  { text: 'ssn: 219099999', finds: [['us_ssn', '219099999']] },
  { text: 'Social Security number 457555462', finds: [['us_ssn', '457555462']] },
  { text: '{"ssn":"457-55-5462"}', finds: [['us_ssn', '457-55-5462']] },
  { text: '000-12-3456 and 666-12-3456', finds: [] },
  { text: '123-00-4567, 123-45-0000', finds: [] },
  { text: 'part 1123-45-6789', finds: [] },
  { text: 'part 123-45-67890', finds: [] },
  { text: 'range 123-45 6789', finds: [] },
  { text: 'SKU-123-456-789', finds: [] },
  { text: 'plain 457555462', finds: [] },
  { text: '12 701 16 1130 25', finds: [] },

  // --- telephone
  { text: 'call +1-202-555-0178 before delivery', finds: [['phone', '+1-202-555-0178']] },
  { text: '+44 20 7946 0958', finds: [['phone', '+44 20 7946 0958']] },
  { text: 'Tel. +49 (0)30 901820', finds: [['phone', '+49 (0)30 901820']] },
  { text: '+12025550143;', finds: [['phone', '+12025550143']] },
  { text: '(202) 555-0143', finds: [['phone', '(202) 555-0143']] },
  { text: 'us 202-555-0199 x12', finds: [['phone', '202-555-0199 x12']] },
  { text: '1-800-555-0100', finds: [['phone', '1-800-555-0100']] },
  { text: '415.555.2671', finds: [['phone', '415.555.2671']] },
  { text: 'phone: 2025550143', finds: [['phone', '2025550143']] },
  { text: 'tel 030/901820', finds: [['phone', '030/901820']] },
  { text: 'mobile no 07700 900123', finds: [['phone', '07700 900123']] },
  { text: 'call me at 555 867 5309 99', finds: [['phone', '555 867 5309 99']] },
  { text: '1234567890', finds: [] },
  { text: '2025-01-02T03:04:05Z', finds: [] },
  { text: '2025-01-02 03:04:05+00', finds: [] },
  {
    text: '10.0.0.1 and 192.168.100.200',
    finds: [
      ['ip', '10.0.0.1'],
      ['ip', '192.168.100.200'],
    ],
  },
  { text: 'call on 2025-01-02', finds: [] },
  { text: '200 300 4000', finds: [] },
  { text: '603 603 869 869 2281 701', finds: [] },
  { text: 'ids 651 1267 1427 2498 2499', finds: [] },
  { text: '911-555-0100 is none', finds: [] },
  { text: 'a+1234567890', finds: [] },
  { text: 'sum 12 + 34567890', finds: [] },
  { text: 'SKU-RED-1 19.90', finds: [] },
  { text: 'invoice 2024-000123-0045', finds: [] },

  // --- IBAN
  { text: 'DE89 3704 0044 0532 0130 00', finds: [['iban', 'DE89 3704 0044 0532 0130 00']] },
  { text: 'to GB29NWBK60161331926819 now', finds: [['iban', 'GB29NWBK60161331926819']] },
  { text: 'iban:FR1420041010050500013M02606.', finds: [['iban', 'FR1420041010050500013M02606']] },
  { text: 'nl91abna0417164300', finds: [['iban', 'nl91abna0417164300']] },
  { text: 'NO93 8601 1117 947', finds: [['iban', 'NO93 8601 1117 947']] },
  { text: 'DE88 3704 0044 0532 0130 00', finds: [] },
  { text: 'GB29NWBK601613319268191', finds: [] },
  { text: 'AA12 3456 7890 1234', finds: [] },
  { text: 'XDE89370400440532013000', finds: [] },

  // --- keys
  { text: 'key hk_live_A1b2C3d4E5f6G7h8', finds: [['api_key', 'hk_live_A1b2C3d4E5f6G7h8']] },
  { text: 'sk_live_abcdefghijklmnopqrstuvwx', finds: [['api_key', 'sk_live_abcdefghijklmnopqrstuvwx']] },
  { text: 'AKIAIOSFODNN7EXAMPLE', finds: [['api_key', 'AKIAIOSFODNN7EXAMPLE']] },
  { text: 'id=ASIAABCDEFGHIJKLMNOP', finds: [['api_key', 'ASIAABCDEFGHIJKLMNOP']] },
  {
    text: 'ghp_abcdefghijklmnopqrstuvwxyzABCD012345',
    finds: [['api_key', 'ghp_abcdefghijklmnopqrstuvwxyzABCD012345']],
  },
  {
    text: 'github_pat_11ABCDEFG0abcdefghijkl_xyz',
    finds: [['api_key', 'github_pat_11ABCDEFG0abcdefghijkl_xyz']],
  },
  { text: 'xoxb-2345678901-abcdefGHIJ', finds: [['api_key', 'xoxb-2345678901-abcdefGHIJ']] },
  {
    text: 'AIzaSyA-1234567890abcdefghijklmnopqrstu',
    finds: [['api_key', 'AIzaSyA-1234567890abcdefghijklmnopqrstu']],
  },
  { text: 'sk-proj-abc123DEF456ghi789JKL', finds: [['api_key', 'sk-proj-abc123DEF456ghi789JKL']] },
  { text: 'glpat-abcDEF1234567890wxyz', finds: [['api_key', 'glpat-abcDEF1234567890wxyz']] },
  { text: 'api_key = "q8Zr3LmX0vB7nT5kY2wP"', finds: [['api_key', 'q8Zr3LmX0vB7nT5kY2wP']] },
  { text: 'Authorization: Bearer 0a1B2c3D4e5F6g7H8i9J', finds: [['api_key', '0a1B2c3D4e5F6g7H8i9J']] },
  { text: 'password: hunter2hunter2XyZ9', finds: [['api_key', 'hunter2hunter2XyZ9']] },
  {
    text: 'acme_9sKq2LmN8vB4xZ7wR1tY5uP3oI6aSdF',
    finds: [['api_key', 'acme_9sKq2LmN8vB4xZ7wR1tY5uP3oI6aSdF']],
  },
  { text: 'zz_secret_name_that_is_exactly_sixty_three_bytes_long_abcdefghi', finds: [] },
  { text: 'users_email_created_at_idx_2025', finds: [] },
  { text: 'AKIA is a prefix, AKIAshort too', finds: [] },
  { text: 'password: see the wiki', finds: [] },
  { text: 'internationalization_test_suite', finds: [] },
  { text: '/usr/lib/postgresql/15/bin/postgres', finds: [] },
  { text: 'cus_NffrFeUfNV2Hib', finds: [] },
  { text: 'my token is in the vault under secret/path-name', finds: [] },
  { text: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', finds: [] },
  { text: 'c0ffee00-dead-beef-cafe-0123456789ab', finds: [] },

  // --- keys in the forms that their issuers document
  ...issued({
    gitlab_runner: `glrt-${ALPHABET.slice(0, 20)}`,
    vault_batch: `hvb.${ALPHABET}_a-1`,
    terraform: `${ALPHABET.slice(0, 14)}.atlasv1.${ALPHABET}${ALPHABET}`,
    azure: `a1B8Q~${ALPHABET.slice(0, 30)}_.-~`,
    alibaba: `LTAI${ALPHABET.slice(0, 20)}`,
    tencent: `AKID${ALPHABET.slice(0, 32)}`,
    databricks: `dapi${HEX.repeat(2)}`,
    doppler: `dp.pt.${ALPHABET.slice(0, 36)}AbCd123`,
    atlassian: `ATATT3xFfGF0${ALPHABET}${ALPHABET}_-=1A2B3C4D`,
    linear: `lin_api_${ALPHABET.slice(0, 36)}AbCd`,
    airtable: `pat${ALPHABET.slice(0, 14)}.${HEX.repeat(4)}`,
    figma: `figd_${ALPHABET.slice(0, 20)}-${ALPHABET.slice(5, 24)}`,
    grafana: `glsa_${ALPHABET.slice(0, 32)}_${HEX.slice(0, 8)}`,
    new_relic: `NRAK-${ALPHABET.slice(0, 27).toUpperCase()}`,
    heroku: 'HRKU-12345678-abcd-4ef0-9876-0123456789ab',
    postman: `PMAK-${HEX}${HEX.slice(0, 8)}-${HEX.repeat(2)}ab`,
    planetscale: `pscale_tkn_${ALPHABET.slice(0, 16)}_${ALPHABET.slice(3, 29)}`,
    supabase: `sbp_${HEX.repeat(2)}01234567`,
    sentry: `sntryu_${HEX.repeat(4)}`,
    rubygems: `rubygems_${HEX.repeat(3)}`,
    crates: `cio${ALPHABET.slice(0, 32)}`,
    nuget: `oy2${'a1b2c3d4e5'.repeat(4)}f6g`,
    replicate: `r8_${ALPHABET.slice(0, 36)}a`,
    brevo: `xkeysib-${HEX.repeat(4)}-${ALPHABET.slice(0, 16)}`,
    mailchimp: `${HEX.repeat(2)}-us21`,
    square: `sq0atp-${ALPHABET.slice(0, 10)}_${ALPHABET.slice(11, 22)}`,
    square_live: `EAAA${ALPHABET}${ALPHABET.slice(0, 24)}`,
    braintree: `access_token$production$${'a1b2c3d4'.repeat(2)}$${HEX.repeat(2)}`,
    telegram: `1234567890:AA${ALPHABET.slice(0, 20)}-_${ALPHABET.slice(3, 14)}`,
    discord: `MTA${ALPHABET.slice(0, 21)}.G-abc1.${ALPHABET.slice(0, 30)}`,
    age: `AGE-SECRET-KEY-1${ALPHABET.slice(0, 29).toUpperCase()}${ALPHABET.slice(0, 29).toUpperCase()}`,
  }),
  {
    text: 'AccountKey=q8Zr3LmX0vB7nT5kY2wPq8Zr3LmX0vB7nT5kY2wP==',
    finds: [['api_key', 'q8Zr3LmX0vB7nT5kY2wPq8Zr3LmX0vB7nT5kY2wP==']],
  },
  { text: '"client_secret": "q8Zr3LmX0vB7nT5kY2wP"', finds: [['api_key', 'q8Zr3LmX0vB7nT5kY2wP']] },
  { text: 'line_items figure-1 scope.us21 12:AA pattern.abc', finds: [] },
  { text: 'at 10:AA1 dp.pt.x hvs. EAAAA lin_api_', finds: [] },
  { text: 'AAAAB3NzaC1yc2EAAAADAQABAAABgQC7 ana@laptop', finds: [] },

  // --- national numbers of more countries
  { text: 'CURP HEGG560427MVZRRL04', finds: [['national_id', 'HEGG560427MVZRRL04']] },
  { text: 'CURP HEGG560427MVZRRL05', finds: [] },
  { text: 'NRIC: S1234567D.', finds: [['national_id', 'S1234567D']] },
  { text: 'fin G1234567X', finds: [['national_id', 'G1234567X']] },
  { text: 'part S1234567A', finds: [] },
  { text: 'ID number 8001015009087', finds: [['national_id', '8001015009087']] },
  { text: 'batch 8001015009087', finds: [] },
  { text: 'NHS no. 401 023 2137', finds: [['national_id', '401 023 2137']] },
  { text: 'NHS no. 401 023 2138', finds: [] },
  { text: '9434765919', finds: [] },

  // --- tokens and private keys
  { text: `cookie ${JWT} end`, finds: [['jwt', JWT]] },
  { text: `{"jwe":"${JWE}"}`, finds: [['jwt', JWE]] },
  { text: `eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.`, finds: [['jwt', 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.']] },
  { text: 'eyJ is how base64 JSON begins', finds: [] },
  { text: 'eyJhbGciOiJub25lIn0', finds: [] },
  { text: `key:\n${PEM}\nbye`, finds: [['private_key', PEM]] },
  { text: SSH_PEM, finds: [['private_key', SSH_PEM]] },
  {
    text: '-----BEGIN PRIVATE KEY-----\nMIIcut',
    finds: [['private_key', '-----BEGIN PRIVATE KEY-----\nMIIcut']],
  },
  { text: '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----', finds: [] },
  { text: '-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----', finds: [] },
  { text: '-------------- section --------------', finds: [] },

  // --- nothing at all
  { text: 'gift wrap', finds: [] },
  { text: 'leave at the door', finds: [] },
  { text: 'zażółć gęślą jaźń 日本語 🙂', finds: [] },
  { text: 'x'.repeat(5000), finds: [] },
  { text: '', finds: [] },

  // --- national ids
  { text: 'dni 12345678Z', finds: [['national_id', '12345678Z']] },
  { text: 'NIE: X1234567L', finds: [['national_id', 'X1234567L']] },
  { text: 'sécu 2 55 08 14 168 025 38', finds: [['national_id', '2 55 08 14 168 025 38']] },
  { text: '255081416802538', finds: [['national_id', '255081416802538']] },
  { text: 'cf RSSMRA85T10A562S', finds: [['national_id', 'RSSMRA85T10A562S']] },
  { text: 'Steuer-ID 86095742719', finds: [['national_id', '86095742719']] },
  { text: 'IdNr. 36 574 261 809', finds: [['national_id', '36 574 261 809']] },
  { text: 'BSN 111222333', finds: [['national_id', '111222333']] },
  { text: 'rrn 85.07.30-033.28', finds: [['national_id', '85.07.30-033.28']] },
  { text: 'PESEL: 44051401359', finds: [['national_id', '44051401359']] },
  { text: '44051401359', finds: [['national_id', '44051401359']] },
  { text: 'pnr 811228-9874', finds: [['national_id', '811228-9874']] },
  { text: 'fnr 29029600013', finds: [['national_id', '29029600013']] },
  { text: 'hetu 131052-308T ok', finds: [['national_id', '131052-308T']] },
  { text: 'AHV 756.9217.0769.85', finds: [['national_id', '756.9217.0769.85']] },
  { text: 'CNP 1800101221144', finds: [['national_id', '1800101221144']] },
  { text: 'cliente 529.982.247-25', finds: [['national_id', '529.982.247-25']] },
  { text: 'cpf=52998224725', finds: [['national_id', '52998224725']] },
  { text: 'rut 12.345.678-5', finds: [['national_id', '12.345.678-5']] },
  { text: 'id 11010519491231002X.', finds: [['national_id', '11010519491231002X']] },
  { text: 'aadhaar 2341 2341 2346', finds: [['national_id', '2341 2341 2346']] },
  { text: 'rrn 820701-2409181', finds: [['national_id', '820701-2409181']] },
  { text: 'TCKN 10000000146', finds: [['national_id', '10000000146']] },
  { text: 'SIN 130 692 544', finds: [['national_id', '130 692 544']] },
  { text: '12345678A', finds: [] },
  { text: '85.07.30-033.29', finds: [] },
  { text: '131052-308U', finds: [] },
  { text: '529.982.247-26', finds: [] },
  { text: 'order 44051401359 sent to the depot', finds: [] },
  { text: 'invoice 86095742719 of 2025', finds: [] },
  { text: '11010519491231002Y', finds: [] },
  { text: 'sku RSSMRA85T10A562X', finds: [] },
  { text: 'ref 811228-9875', finds: [] },
  { text: 'batch 756.9217.0769.86', finds: [] },
  { text: 'shipment 2341 2341 2347', finds: [] },
  { text: 'serial 10000000147', finds: [] },

  // --- addresses of the internet
  { text: 'from 10.0.0.1', finds: [['ip', '10.0.0.1']] },
  { text: 'at 192.168.1.254:8080', finds: [['ip', '192.168.1.254']] },
  { text: 'allow 172.16.0.0/12', finds: [['ip', '172.16.0.0/12']] },
  { text: '[2001:db8::8a2e:370:7334]', finds: [['ip', '2001:db8::8a2e:370:7334']] },
  { text: 'link fe80::1%eth0 up', finds: [['ip', 'fe80::1%eth0']] },
  { text: '::ffff:192.0.2.128', finds: [['ip', '::ffff:192.0.2.128']] },
  {
    text: '2001:0db8:85a3:0000:0000:8a2e:0370:7334',
    finds: [['ip', '2001:0db8:85a3:0000:0000:8a2e:0370:7334']],
  },
  { text: 'version 1.2.3.4', finds: [] },
  { text: 'v1.2.3.4 released', finds: [] },
  { text: '1.2.3.4.5', finds: [] },
  { text: '300.1.1.1', finds: [] },
  { text: 'std::vector a::b', finds: [] },
  { text: 'aa:bb:cc:dd:ee:ff', finds: [] },
  { text: 'at 12:34:56 and 01:02:03', finds: [] },
  { text: 'oid 1.3.6.1.4.1.311', finds: [] },

  // --- passwords in URLs
  {
    text: 'postgres://app:s3cr3t@db.test/x',
    finds: [
      ['url_password', 's3cr3t'],
      ['email', 's3cr3t@db.test'],
    ],
  },
  {
    text: 'clone https://user:p%40ss@git.test/r.git',
    finds: [
      ['url_password', 'p%40ss'],
      ['email', 'p%40ss@git.test'],
    ],
  },
  { text: 'redis://:hunter2@cache:6379', finds: [['url_password', 'hunter2']] },
  { text: 'amqp://u:a-b_c@mq/vhost', finds: [['url_password', 'a-b_c']] },
  { text: 'https://host:8080/a@b', finds: [] },
  { text: 'see http://example.test/x:y', finds: [] },
  { text: 'ssh://git@host/repo', finds: [] },
];
