import type { Profile, SAML } from '@node-saml/node-saml';
import { z } from 'zod';
import { LoginNeeded } from '../base/errors.ts';
import type { Claims } from './claims.ts';
import type { SamlProvider } from './saml-schema.ts';

/** Base64 of the largest response: a person with a thousand groups. In characters. */
const LONGEST_RESPONSE = 256 * 1024;
/** How old an assertion may be, whatever it says itself; in milliseconds. */
const OLDEST = 5 * 60_000;
const TRANSIENT = 'urn:oasis:names:tc:SAML:2.0:nameid-format:transient';

/** Who signed in, by a signed assertion that answers one of our requests. */
export interface Assertion {
  readonly requestId: string;
  /** The attributes, and the NameID as `sub` unless it is another one each time. */
  readonly claims: Claims;
  /** Milliseconds. */
  readonly authTime: number | undefined;
  readonly acr: string | undefined;
  /** When the session at the provider ends (SessionNotOnOrAfter), where it says so; in milliseconds. */
  readonly until: number | undefined;
}

const attributes = z.looseObject({ $: z.record(z.string(), z.string()).optional() });
/** The parts of an assertion (SAML core 2.3.3), as xml2js reads the signed bytes, that the library does not check. */
const assertionSchema = z.object({
  Assertion: z.looseObject({
    Subject: z
      .array(
        z.looseObject({
          SubjectConfirmation: z
            .array(
              z.looseObject({
                $: z.object({ Method: z.literal('urn:oasis:names:tc:SAML:2.0:cm:bearer') }),
                SubjectConfirmationData: z
                  .array(
                    z.looseObject({
                      $: z.looseObject({
                        InResponseTo: z.string(),
                        Recipient: z.string(),
                        NotOnOrAfter: z.string(),
                      }),
                    }),
                  )
                  .length(1),
              }),
            )
            .length(1),
        }),
      )
      .length(1),
    Conditions: z.array(z.looseObject({ AudienceRestriction: z.array(z.unknown()).min(1) })).length(1),
    AuthnStatement: z
      .array(
        attributes.extend({
          AuthnContext: z
            .array(z.looseObject({ AuthnContextClassRef: z.array(z.unknown()).optional() }))
            .optional(),
        }),
      )
      .length(1),
  }),
});

/** The library set up for one provider; it takes answers to the requests that `isOurs` knows. */
export async function samlOf(
  provider: SamlProvider,
  requestId: string,
  isOurs: (request: string) => boolean = () => false,
): Promise<SAML> {
  // XML and its signatures are a lot of code, which only these sign-ins need.
  const { SAML, ValidateInResponseTo } = await import('@node-saml/node-saml');
  return new SAML({
    idpCert: [...provider.certificates],
    idpIssuer: provider.issuer,
    issuer: provider.entity_id,
    audience: provider.entity_id,
    callbackUrl: provider.callback_url,
    entryPoint: provider.entry_point,
    wantAssertionsSigned: true,
    // The signature of the assertion is what counts; one of the whole response may stand beside it.
    wantAuthnResponseSigned: false,
    signatureAlgorithm: 'sha256',
    identifierFormat: null,
    disableRequestedAuthnContext: true,
    acceptedClockSkewMs: provider.leeway,
    maxAssertionAgeMs: OLDEST,
    generateUniqueId: () => requestId,
    validateInResponseTo: ValidateInResponseTo.always,
    requestIdExpirationPeriodMs: OLDEST * 2,
    cacheProvider: {
      // A request knows itself whether it is ours and how old it is; whether it was answered is its maker's to keep.
      saveAsync: async (_, value) => ({ value, createdAt: Date.now() }),
      getAsync: async (key) => (isOurs(key) ? new Date().toISOString() : null),
      removeAsync: async (key) => key,
    },
  });
}

/**
 * Reads a response (base64, HTTP POST binding). `isOurs` knows the requests that it may answer.
 * Throws LoginNeeded `saml_refused` with what is wrong; nothing of the response is quoted.
 */
export async function readAssertion(
  provider: SamlProvider,
  response: string,
  isOurs: (request: string) => boolean,
): Promise<Assertion> {
  refuseWeakForms(response);
  let profile: Profile | null;
  try {
    const saml = await samlOf(provider, '', isOurs);
    ({ profile } = await saml.validatePostResponseAsync({ SAMLResponse: response }));
  } catch (cause) {
    throw samlRefused(plainReason(cause), cause);
  }
  const read = assertionSchema.safeParse(profile?.getAssertion?.());
  if (!profile || !read.success) throw samlRefused('its assertion lacks what a sign-in must say');
  // The library looks at the issuer of logouts only.
  if (profile.issuer !== provider.issuer) throw samlRefused('it is of another provider');
  const { AuthnStatement, Subject } = read.data.Assertion;
  const confirmation = Subject[0]?.SubjectConfirmation[0]?.SubjectConfirmationData[0]?.$;
  if (confirmation?.Recipient !== provider.callback_url)
    throw samlRefused('its assertion is for another place');
  // The one of the response is not signed; this one is.
  if (!isOurs(confirmation.InResponseTo)) throw samlRefused('its assertion answers no request of ours');
  const statement = AuthnStatement[0];
  return {
    requestId: confirmation.InResponseTo,
    claims: claimsOf(profile),
    authTime: instant(statement?.$?.AuthnInstant),
    until: instant(statement?.$?.SessionNotOnOrAfter),
    acr: textOf(statement?.AuthnContext?.[0]?.AuthnContextClassRef?.[0]),
  };
}

/** Before any XML is parsed: its size, entities, and signatures by algorithms that can be forged. Answers its text. */
export function refuseWeakForms(response: string): string {
  if (response.length > LONGEST_RESPONSE || !/^[A-Za-z0-9+/=\s]+$/.test(response)) {
    throw samlRefused('it is no base64 of a size that a sign-in has');
  }
  const xml = Buffer.from(response, 'base64').toString('utf8');
  if (/<!/.test(xml.replaceAll('<!--', ''))) throw samlRefused('it holds a document type, entities or CDATA');
  if (xml.includes('<!--')) throw samlRefused('it holds comments');
  // Like comments they part a text in two, and one reader takes the first part for all of it.
  if (/<\?/.test(xml.replace(/^\s*<\?xml\s/, ''))) throw samlRefused('it holds processing instructions');
  for (const [, algorithm = ''] of xml.matchAll(/\bAlgorithm\s*=\s*["']([^"']*)["']/g)) {
    if (algorithm.includes('&') || /sha1|md5|hmac/i.test(algorithm))
      throw samlRefused('it is signed in a weak way');
  }
  return xml;
}

/** Attributes by name; those with one value as text. */
function claimsOf(profile: Profile): Claims {
  const given = profile.attributes;
  const named = typeof given === 'object' && given !== null ? Object.entries(given) : [];
  const claims: Record<string, unknown> = Object.fromEntries(named);
  delete claims.sub;
  if (profile.nameIDFormat !== TRANSIENT && typeof profile.nameID === 'string') claims.sub = profile.nameID;
  return claims;
}

function instant(text: string | undefined): number | undefined {
  const time = Date.parse(text ?? '');
  return Number.isNaN(time) ? undefined : time;
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  const inner = typeof value === 'object' && value !== null && '_' in value ? value._ : undefined;
  return typeof inner === 'string' ? inner : undefined;
}

/** The library's words may quote the response; these do not. */
function plainReason(error: unknown): string {
  const words = error instanceof Error ? error.message : '';
  if (/signature|multiple assertions/i.test(words)) return 'its assertion is not signed by the provider';
  if (/InResponseTo/i.test(words)) return 'it answers no request of ours, or one that was answered before';
  if (/audience/i.test(words)) return 'its assertion is for somebody else (audience)';
  if (/expired|not yet valid|NotOnOrAfter|too old|No valid subject/i.test(words)) {
    return 'its assertion is not valid at this time';
  }
  if (/issuer/i.test(words)) return 'it is of another provider';
  if (/provider returned/i.test(words)) return 'the provider says that the sign-in failed';
  if (/decrypt/i.test(words)) return 'its assertion is encrypted, and hoopctl has no key for that';
  return 'it cannot be read';
}

export function samlRefused(why: string, cause?: unknown): LoginNeeded {
  return new LoginNeeded('saml_refused', 'the answer of the identity provider does not count', {
    why,
    next: 'begin again: hoopctl login',
    ...(cause === undefined ? {} : { cause }),
  });
}
