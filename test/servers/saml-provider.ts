import { generateKeyPairSync, randomBytes } from 'node:crypto';
import * as samlify from 'samlify';
import { generate } from 'selfsigned';

samlify.setSchemaValidator({ validate: async () => 'not validated: the tests make invalid ones on purpose' });

/** What an assertion says; each part may be made wrong. */
export interface Saying {
  readonly inResponseTo: string;
  readonly confirmedRequest: string;
  readonly issuer: string;
  readonly audience: string;
  readonly recipient: string;
  readonly nameId: string;
  readonly nameIdFormat: string;
  readonly email: string;
  readonly groups: readonly string[];
  readonly issuedAt: number;
  readonly notBefore: number;
  readonly notOnOrAfter: number;
  readonly authnInstant: number;
  readonly sessionNotOnOrAfter?: number;
  readonly acr: string;
  readonly method: string;
}

/** A SAML identity provider (samlify) that says what it is told to. */
export interface TestSamlProvider {
  readonly entityId: string;
  readonly certificate: string;
  /** A signed response, base64, as a browser posts it. */
  respond(saying: Saying): Promise<string>;
}

const iso = (at: number) => new Date(at).toISOString();
const id = () => `_${randomBytes(16).toString('hex')}`;

export async function makeSamlProvider(
  sp: { readonly entityId: string; readonly callback: string },
  algorithm = 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
): Promise<TestSamlProvider> {
  const entityId = 'https://idp.example.com/metadata';
  const { publicKey, privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const { cert } = await generate([{ name: 'commonName', value: 'idp' }], {
    keyPair: { publicKey, privateKey },
  });
  const idp = samlify.IdentityProvider({
    entityID: entityId,
    privateKey,
    signingCert: cert,
    isAssertionEncrypted: false,
    requestSignatureAlgorithm: algorithm,
    singleSignOnService: [
      {
        Binding: 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect',
        Location: 'https://idp.example.com/sso',
      },
    ],
    loginResponseTemplate: { context: '<x/>', attributes: [] },
  } as never);
  const party = samlify.ServiceProvider({
    entityID: sp.entityId,
    wantAssertionsSigned: true,
    assertionConsumerService: [
      { Binding: 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST', Location: sp.callback },
    ],
  } as never);
  return {
    entityId,
    certificate: cert,
    async respond(saying) {
      const request = { extract: { request: { id: saying.inResponseTo } } };
      const made = await idp.createLoginResponse(party, request as never, 'post', {}, () => ({
        id: id(),
        context: responseXml(saying, sp.callback),
      }));
      return (made as { context: string }).context;
    },
  };
}

function responseXml(saying: Saying, destination: string): string {
  const { sessionNotOnOrAfter: until } = saying;
  const sessionEnd = until === undefined ? '' : ` SessionNotOnOrAfter="${iso(until)}"`;
  const values = saying.groups
    .map((group) => `<saml:AttributeValue xsi:type="xs:string">${group}</saml:AttributeValue>`)
    .join('');
  return `<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="${id()}" Version="2.0" IssueInstant="${iso(saying.issuedAt)}" Destination="${destination}" InResponseTo="${saying.inResponseTo}"><saml:Issuer>${saying.issuer}</saml:Issuer><samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status><saml:Assertion ID="${id()}" Version="2.0" IssueInstant="${iso(saying.issuedAt)}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xs="http://www.w3.org/2001/XMLSchema"><saml:Issuer>${saying.issuer}</saml:Issuer><saml:Subject><saml:NameID Format="${saying.nameIdFormat}">${saying.nameId}</saml:NameID><saml:SubjectConfirmation Method="${saying.method}"><saml:SubjectConfirmationData NotOnOrAfter="${iso(saying.notOnOrAfter)}" Recipient="${saying.recipient}" InResponseTo="${saying.confirmedRequest}"/></saml:SubjectConfirmation></saml:Subject><saml:Conditions NotBefore="${iso(saying.notBefore)}" NotOnOrAfter="${iso(saying.notOnOrAfter)}"><saml:AudienceRestriction><saml:Audience>${saying.audience}</saml:Audience></saml:AudienceRestriction></saml:Conditions><saml:AuthnStatement AuthnInstant="${iso(saying.authnInstant)}" SessionIndex="${id()}"${sessionEnd}><saml:AuthnContext><saml:AuthnContextClassRef>${saying.acr}</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement><saml:AttributeStatement><saml:Attribute Name="email" NameFormat="urn:oasis:names:tc:SAML:2.0:attrname-format:basic"><saml:AttributeValue xsi:type="xs:string">${saying.email}</saml:AttributeValue></saml:Attribute><saml:Attribute Name="groups" NameFormat="urn:oasis:names:tc:SAML:2.0:attrname-format:basic">${values}</saml:Attribute></saml:AttributeStatement></saml:Assertion></samlp:Response>`;
}
