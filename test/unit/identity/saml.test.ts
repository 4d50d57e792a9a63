import { inflateRawSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from 'vitest';
import { readAssertion, samlOf } from '../../../src/identity/saml-assertion.ts';
import { type SamlProvider, samlProviderSchema } from '../../../src/identity/saml-schema.ts';
import { makeSamlProvider, type Saying, type TestSamlProvider } from '../../servers/saml-provider.ts';

const CALLBACK = 'https://gateway.example.com/v1/saml/corp/acs';
const ENTITY = 'https://gateway.example.com';
const REQUEST = '_0123456789abcdef0123456789abcdef01234567';

let idp: TestSamlProvider;
let stranger: TestSamlProvider;
let provider: SamlProvider;

const describeProvider = (certificate: string) =>
  samlProviderSchema.parse({
    name: 'corp',
    issuer: 'https://idp.example.com/metadata',
    domain: 'example.com',
    entry_point: 'https://idp.example.com/sso',
    certificates: [certificate],
    entity_id: ENTITY,
    callback_url: CALLBACK,
    groups_claim: 'groups',
    identities: [{ match: { email: '*@example.com' }, name: '{email}', kind: 'person' }],
  });

beforeAll(async () => {
  idp = await makeSamlProvider({ entityId: ENTITY, callback: CALLBACK });
  stranger = await makeSamlProvider({ entityId: ENTITY, callback: CALLBACK });
  provider = describeProvider(idp.certificate);
});

const good = (): Saying => ({
  inResponseTo: REQUEST,
  confirmedRequest: REQUEST,
  issuer: idp.entityId,
  audience: ENTITY,
  recipient: CALLBACK,
  nameId: 'u-1001',
  nameIdFormat: 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
  email: 'ana@example.com',
  groups: ['dba', 'staff'],
  issuedAt: Date.now() - 1000,
  notBefore: Date.now() - 1000,
  notOnOrAfter: Date.now() + 60_000,
  authnInstant: Date.now() - 5000,
  acr: 'urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport',
  method: 'urn:oasis:names:tc:SAML:2.0:cm:bearer',
});

const respond = (more: Partial<Saying> = {}) => idp.respond({ ...good(), ...more });
const xmlOf = (response: string) => Buffer.from(response, 'base64').toString('utf8');
const encode = (xml: string) => Buffer.from(xml).toString('base64');
const edited = async (edit: (xml: string) => string, more: Partial<Saying> = {}) => {
  const xml = xmlOf(await respond(more));
  const changed = edit(xml);
  expect(changed).not.toBe(xml);
  return encode(changed);
};
const read = (response: string, requests: readonly string[] = [REQUEST]) =>
  readAssertion(provider, response, (request) => requests.includes(request));

const assertionOf = (xml: string) => /<saml:Assertion[\s\S]*<\/saml:Assertion>/.exec(xml)?.[0] ?? '';
const unsigned = (assertion: string) => assertion.replace(/<ds:Signature[\s\S]*?<\/ds:Signature>/, '');
const evil = (assertion: string) =>
  unsigned(assertion)
    .replace(/ ID="[^"]+"/, ' ID="_evil"')
    .replaceAll('ana@example.com', 'root@example.com');
const HOUR = 3_600_000;

describe('a request', () => {
  test('goes to the provider by redirect, under an id that its answer must name', async () => {
    const url = new URL(await (await samlOf(provider, REQUEST)).getAuthorizeUrlAsync('', undefined, {}));
    expect(url.origin + url.pathname).toBe('https://idp.example.com/sso');
    const xml = inflateRawSync(Buffer.from(url.searchParams.get('SAMLRequest') ?? '', 'base64')).toString();
    expect(xml).toContain(`ID="${REQUEST}"`);
    expect(xml).toContain(`AssertionConsumerServiceURL="${CALLBACK}"`);
    expect(xml).toContain(ENTITY);
  });
});

describe('a response', () => {
  test('that is signed and answers a request says who signed in', async () => {
    const { acr, authTime, claims, requestId } = await read(await respond());
    expect({ claims, requestId, acr }).toEqual({
      claims: { sub: 'u-1001', email: 'ana@example.com', groups: ['dba', 'staff'] },
      requestId: REQUEST,
      acr: 'urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport',
    });
    expect(Date.now() - (authTime ?? 0)).toBeLessThan(60_000);
  });

  test('with a name that is another one each time brings no subject', async () => {
    const nameIdFormat = 'urn:oasis:names:tc:SAML:2.0:nameid-format:transient';
    expect((await read(await respond({ nameIdFormat }))).claims.sub).toBeUndefined();
  });

  type Bad = readonly [string, () => Promise<string>];
  const BAD: readonly Bad[] = [
    ['is not signed', () => edited(unsigned)],
    ['is signed by a stranger', () => stranger.respond(good())],
    ['has its address changed', () => edited((xml) => xml.replace('ana@example.com', 'root@example.com'))],
    ['has a group added', () => edited((xml) => xml.replace('>dba<', '>leads<'))],
    [
      'has one letter of its signature changed',
      () =>
        edited((xml) => xml.replace(/(<ds:SignatureValue>)(.)/, (_, a, b) => `${a}${b === 'A' ? 'B' : 'A'}`)),
    ],
    ['names another issuer', () => respond({ issuer: 'https://evil.example' })],
    ['is for another audience', () => respond({ audience: 'https://payroll.example.com' })],
    ['has an audience that begins the same', () => respond({ audience: `${ENTITY}.evil.example` })],
    [
      'is for no audience',
      () => edited((xml) => xml.replace(/<saml:AudienceRestriction>[\s\S]*<\/saml:AudienceRestriction>/, '')),
    ],
    ['is for another place', () => respond({ recipient: 'https://other.example.com/acs' })],
    [
      'has expired',
      () =>
        respond({
          issuedAt: Date.now() - HOUR,
          notBefore: Date.now() - HOUR,
          notOnOrAfter: Date.now() - 60_000,
        }),
    ],
    ['was issued long ago', () => respond({ issuedAt: Date.now() - HOUR, notBefore: Date.now() - HOUR })],
    [
      'is not valid yet',
      () => respond({ notBefore: Date.now() + HOUR, notOnOrAfter: Date.now() + 2 * HOUR }),
    ],
    ['answers another request', () => respond({ inResponseTo: '_other', confirmedRequest: '_other' })],
    ['answers ours with an assertion for another', () => respond({ confirmedRequest: '_other' })],
    ['answers another with an assertion for ours', () => respond({ inResponseTo: '_other' })],
    [
      'was not asked for',
      () => edited((xml) => xml.replace(/ InResponseTo="[^"]*"><saml:Issuer>/, '><saml:Issuer>')),
    ],
    ['is held by a key', () => respond({ method: 'urn:oasis:names:tc:SAML:2.0:cm:holder-of-key' })],
    [
      'is vouched for by a sender',
      () => respond({ method: 'urn:oasis:names:tc:SAML:2.0:cm:sender-vouches' }),
    ],
    // Signature wrapping (XSW): the signed assertion is there, another one is meant to be read.
    [
      'has an evil assertion before the signed one',
      () => edited((xml) => xml.replace('<saml:Assertion', `${evil(assertionOf(xml))}<saml:Assertion`)),
    ],
    [
      'has an evil assertion behind the signed one',
      () => edited((xml) => xml.replace('</samlp:Response>', `${evil(assertionOf(xml))}</samlp:Response>`)),
    ],
    [
      'has an evil assertion around the signed one',
      () =>
        edited((xml) =>
          xml.replace(
            assertionOf(xml),
            evil(assertionOf(xml)).replace('</saml:Subject>', `</saml:Subject>${assertionOf(xml)}`),
          ),
        ),
    ],
    [
      'has the signed one in an extension',
      () =>
        edited((xml) =>
          xml.replace(
            assertionOf(xml),
            `<samlp:Extensions>${assertionOf(xml)}</samlp:Extensions>${evil(assertionOf(xml))}`,
          ),
        ),
    ],
    [
      'has the signed one inside its signature',
      () =>
        edited((xml) => {
          const signed = assertionOf(xml);
          const signature = /<ds:Signature[\s\S]*?<\/ds:Signature>/.exec(signed)?.[0] ?? '';
          const holder = signature.replace(
            '</ds:Signature>',
            `<ds:Object>${unsigned(signed)}</ds:Object></ds:Signature>`,
          );
          return xml.replace(signed, evil(signed).replace('</saml:Issuer>', `</saml:Issuer>${holder}`));
        }),
    ],
    [
      'has the id of the signed one twice',
      () =>
        edited((xml) => {
          const signed = assertionOf(xml);
          const id = / ID="([^"]+)"/.exec(signed)?.[1] ?? '';
          return xml.replace(signed, `${evil(signed).replace('_evil', id)}${signed}`);
        }),
    ],
    [
      'cuts an address by a comment',
      () => edited((xml) => xml.replace('ana@example.com', 'ana@example.com<!-- -->.evil.example')),
    ],
    [
      'cuts an address by a processing instruction',
      () => edited((xml) => xml.replace('ana@example.com', 'ana@example.com<?x?>.evil.example')),
    ],
    ['brings a document type', () => edited((xml) => `<!DOCTYPE x [<!ENTITY e "root">]>${xml}`)],
    [
      'reads a file by an entity',
      () =>
        edited(
          (xml) => `<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>${xml.replace('ana@', '&e;@')}`,
        ),
    ],
    [
      'is encrypted',
      () =>
        edited((xml) => xml.replace(assertionOf(xml), '<saml:EncryptedAssertion></saml:EncryptedAssertion>')),
    ],
    ['has no assertion', () => edited((xml) => xml.replace(assertionOf(xml), ''))],
    [
      'says that it failed',
      () => edited((xml) => xml.replace('status:Success', 'status:Responder').replace(assertionOf(xml), '')),
    ],
    [
      'is a logout',
      async () =>
        encode('<samlp:LogoutResponse xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="_1"/>'),
    ],
    ['is not XML', async () => encode('hello')],
    ['is not base64', async () => '<Response/>'],
    ['is larger than a quarter of a megabyte', async () => encode('x'.repeat(300_000))],
  ];

  test.each(BAD)('that %s is refused', async (_, make) => {
    await expect(read(await make())).rejects.toMatchObject({ kind: 'login-needed', code: 'saml_refused' });
  });

  test('that is signed with SHA-1 is refused, although the key is right', async () => {
    const old = await makeSamlProvider(
      { entityId: ENTITY, callback: CALLBACK },
      'http://www.w3.org/2000/09/xmldsig#rsa-sha1',
    );
    const response = await old.respond(good());
    expect(xmlOf(response)).toContain('rsa-sha1');
    await expect(
      readAssertion(describeProvider(old.certificate), response, () => true),
    ).rejects.toMatchObject({
      why: 'it is signed in a weak way',
    });
  });

  test('counts once: replayed it answers nothing', async () => {
    const response = await respond();
    await read(response);
    await expect(read(response, [])).rejects.toMatchObject({ code: 'saml_refused' });
  });
});
