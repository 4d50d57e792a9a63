import type { Search } from './patterns.ts';

/** Keys that say by their first characters what they are, as their issuers document them. */
const ISSUED = [
  '(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}', // AWS access key id
  'gh[pousr]_[A-Za-z0-9]{30,255}', // GitHub
  'github_pat_[A-Za-z0-9_]{22,255}',
  'gl(?:pat|dt|rt|cbt|ptt|ft|soat|agent)-[A-Za-z0-9_-]{20,255}', // GitLab
  'xox[abeoprs]-[A-Za-z0-9-]{10,255}', // Slack
  'xapp-[A-Za-z0-9-]{10,255}',
  'AIza[A-Za-z0-9_-]{35}', // Google
  'GOCSPX-[A-Za-z0-9_-]{28}',
  'ya29\\.[A-Za-z0-9_-]{20,255}',
  'sk-[A-Za-z0-9_-]{20,255}', // OpenAI, Anthropic
  'npm_[A-Za-z0-9]{36}',
  'pypi-[A-Za-z0-9_-]{50,255}',
  'hf_[A-Za-z0-9]{30,64}',
  'dop_v1_[a-f0-9]{64}', // DigitalOcean
  'dckr_pat_[A-Za-z0-9_-]{20,64}',
  'shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}', // Shopify
  'SG\\.[A-Za-z0-9_-]{16,64}\\.[A-Za-z0-9_-]{16,64}', // SendGrid
  'SK[0-9a-f]{32}', // Twilio
  'key-[0-9a-f]{32}', // Mailgun
  'hv[sbr]\\.[A-Za-z0-9_-]{24,255}', // Vault
  '[A-Za-z0-9]{14}\\.atlasv1\\.[A-Za-z0-9_-]{60,80}', // Terraform Cloud
  '[A-Za-z0-9_~.-]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34}', // Azure, secret of an application
  'LTAI[A-Za-z0-9]{12,24}', // Alibaba Cloud
  'AKID[A-Za-z0-9]{32}', // Tencent Cloud
  'dapi[0-9a-f]{32}(?:-\\d)?', // Databricks
  'dp\\.(?:pt|st|ct|sa|scim|audit)\\.(?:[a-z0-9_-]{2,35}\\.)?[A-Za-z0-9]{40,44}', // Doppler
  'ATATT3[A-Za-z0-9_=-]{60,255}', // Atlassian
  'lin_(?:api|oauth)_[A-Za-z0-9]{32,64}', // Linear
  'pat[A-Za-z0-9]{14}\\.[0-9a-f]{64}', // Airtable
  'figd_[A-Za-z0-9_-]{38,64}', // Figma
  'glsa_[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}', // Grafana
  'NRAK-[A-Z0-9]{27}', // New Relic
  'HRKU-[A-Za-z0-9_-]{36,60}', // Heroku
  'PMAK-[0-9a-f]{24}-[0-9a-f]{34}', // Postman
  'pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.-]{32,64}', // PlanetScale
  'sbp_[0-9a-f]{40}', // Supabase
  'sntry[su]_[A-Za-z0-9+/=_-]{40,255}', // Sentry
  'rubygems_[0-9a-f]{48}',
  'cio[A-Za-z0-9]{32}', // crates.io
  'oy2[a-z0-9]{43}', // NuGet
  'r8_[A-Za-z0-9]{37}', // Replicate
  'xkeysib-[0-9a-f]{64}-[A-Za-z0-9]{16}', // Brevo
  '[0-9a-f]{32}-us[0-9]{1,2}', // Mailchimp
  'sq0[a-z]{3}-[A-Za-z0-9_-]{22,43}', // Square
  'EAAA[A-Za-z0-9_-]{60}', // Square
  'access_token\\$(?:production|sandbox)\\$[0-9a-z]{16}\\$[0-9a-f]{32}', // Braintree
  '[0-9]{8,10}:AA[A-Za-z0-9_-]{33}', // Telegram
  '[MNO][A-Za-z0-9_-]{23,27}\\.[A-Za-z0-9_-]{6}\\.[A-Za-z0-9_-]{27,38}', // Discord
  'AGE-SECRET-KEY-1[0-9A-Z]{58}',
  'whsec_[A-Za-z0-9+/=]{20,255}',
  // Stripe's form, which many services took over: sk_live_…, rk_test_…, hk_live_…
  '[A-Za-z]{1,16}_(?:live|test|prod|sandbox)_[A-Za-z0-9]{8,255}',
];
const ISSUED_KEY = new RegExp(`(?<![A-Za-z0-9])(?:${ISSUED.join('|')})(?![A-Za-z0-9])`, 'g');

const SLACK_HOOK = /hooks\.slack\.com\/services\/[A-Za-z0-9]{6,20}\/[A-Za-z0-9]{6,20}\/[A-Za-z0-9]{16,64}/g;

/** `password=`, `"api_key": "`, `Authorization: Bearer `: what follows is a secret when it looks like one. */
const NAMED_SECRET =
  /(?:api[_-]?key|access[_-]?key|account[_-]?key|secret[_-]?key|client[_-]?secret|[_-]token|token|secret|passw(?:or)?d|bearer)["']{0,2} {0,3}[:= ] {0,3}["']{0,2}([A-Za-z0-9_\-/+]{16,255}={0,2})/gi;

/** A short word, a joint and a long tail: the usual form of keys that no list knows. */
const PREFIXED = /(?<![A-Za-z0-9_-])[A-Za-z]{2,12}[_-]([A-Za-z0-9]{30,255})(?![A-Za-z0-9_-])/g;

/** Bits a character below which a text is words, a path or a counter rather than random. */
const RANDOM_BITS = 3.2;

/** Keys in their issuers' forms, secrets that a name introduces, and prefixed words with a random tail. */
export const findApiKeys: Search = (text, found) => {
  for (const match of text.matchAll(ISSUED_KEY)) found(match.index, match.index + match[0].length);
  for (const match of text.matchAll(SLACK_HOOK)) found(match.index, match.index + match[0].length);
  for (const match of text.matchAll(NAMED_SECRET)) {
    const secret = match[1] ?? '';
    const end = match.index + match[0].length;
    if (/\d/.test(secret) && /[A-Za-z]/.test(secret) && entropy(secret) >= RANDOM_BITS)
      found(end - secret.length, end);
  }
  for (const match of text.matchAll(PREFIXED)) {
    const tail = match[1] ?? '';
    const everyKind = /[a-z]/.test(tail) && /[A-Z]/.test(tail) && /\d/.test(tail);
    if (everyKind && entropy(tail) >= RANDOM_BITS) found(match.index, match.index + match[0].length);
  }
};

/** Shannon entropy in bits a character. */
function entropy(text: string): number {
  const counts = new Map<string, number>();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= (count / text.length) * Math.log2(count / text.length);
  return bits;
}
