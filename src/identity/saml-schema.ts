import { X509Certificate } from 'node:crypto';
import { z } from 'zod';
import {
  claimRuleSchema,
  domainName,
  groupsTaken,
  listOf,
  sessionFields,
  text,
  url,
} from './issuer-schema.ts';

/** A SAML 2.0 identity provider through which people sign in: a part of the policy file. Unknown keys are errors. */

const certificate = z
  .string()
  .max(16_384)
  .refine(
    (pem) => {
      try {
        return new X509Certificate(pem).publicKey.asymmetricKeyType !== undefined;
      } catch {
        return false;
      }
    },
    { message: 'write the certificate as PEM: -----BEGIN CERTIFICATE-----' },
  );

const httpsUrl = url.refine(
  (given) => given.startsWith('https://') || /^http:\/\/127\.0\.0\.1[:/]/.test(given),
  {
    message: 'must be https: plain http is for 127.0.0.1 only',
  },
);

export const samlProviderSchema = z.strictObject({
  name: domainName.describe('How hoopctl calls it.'),
  issuer: text.describe('The entity ID of the provider, exactly as its assertions spell it.'),
  domain: domainName.describe('What the names of its people end in, after an @.'),
  entry_point: httpsUrl.describe('Where the browser is sent to sign in (HTTP redirect binding).'),
  certificates: listOf(certificate).describe('With which of these its assertions are signed.'),
  entity_id: text.describe('What hoopctl is called at the provider: the audience of its assertions.'),
  callback_url: httpsUrl.describe('Where its answers come to: https://GATEWAY/v1/saml/NAME/acs.'),
  groups_claim: text.optional().describe('The attribute that holds groups.'),
  groups_optional: z
    .literal(true)
    .optional()
    .describe('An assertion without that attribute then means no groups; otherwise it is refused.'),
  groups_taken: groupsTaken,
  trust_email: z.literal(true).default(true).describe('What the provider asserts of addresses counts.'),
  ...sessionFields,
  identities: listOf(claimRuleSchema).describe(
    'Whom its assertions stand for: rules over attributes and sub (NameID).',
  ),
});
export type SamlProvider = z.infer<typeof samlProviderSchema>;
