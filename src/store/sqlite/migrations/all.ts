import { first } from './001-first.ts';
import { signIns } from './002-sign-ins.ts';
import { passwords } from './003-passwords.ts';
import { webhooks } from './004-webhooks.ts';
import { liveness } from './005-liveness.ts';
import { passphrases } from './006-passphrases.ts';
import { precedents } from './007-precedents.ts';
import { webhookOrder } from './008-webhook-order.ts';

/** In order; a database of version n has had the first n. Never change one that was released, add another. */
export const migrations: readonly string[] = [
  first,
  signIns,
  passwords,
  webhooks,
  liveness,
  passphrases,
  precedents,
  webhookOrder,
];
