import { randomBytes } from 'node:crypto';
import { Internal } from '../../base/errors.ts';
import {
  BINDING_TYPE,
  badScram,
  deriveKeys,
  hmac,
  isNonce,
  KEY_LENGTH,
  newNonce,
  readAttributes,
  readBase64,
  SCRAM,
  SCRAM_PLUS,
  sameBytes,
  sha256,
  xor,
} from './scram.ts';

/** PostgreSQL's default; an endpoint's password is random, so more rounds would protect nothing. */
const ITERATIONS = 4096;
const SALT_LENGTH = 16;

/** What a server keeps of a password; it cannot log in with it. */
export interface ScramVerifier {
  readonly salt: Buffer;
  readonly iterations: number;
  readonly storedKey: Buffer;
  readonly serverKey: Buffer;
}

/** What a server keeps of a password (RFC 5803), with a salt of its own. */
export async function makeVerifier(password: string): Promise<ScramVerifier> {
  const salt = randomBytes(SALT_LENGTH);
  const { storedKey, serverKey } = await deriveKeys(password, salt, ITERATIONS);
  return { salt, iterations: ITERATIONS, storedKey, serverKey };
}

/** As PostgreSQL writes it into pg_authid: `SCRAM-SHA-256$4096:SALT$STOREDKEY:SERVERKEY`, in base 64. */
export function verifierText({ salt, iterations, storedKey, serverKey }: ScramVerifier): string {
  const text = (bytes: Buffer) => bytes.toString('base64');
  return `SCRAM-SHA-256$${iterations}:${text(salt)}$${text(storedKey)}:${text(serverKey)}`;
}

const VERIFIER =
  /^SCRAM-SHA-256\$(\d{1,7}):([A-Za-z0-9+/=]{4,64})\$([A-Za-z0-9+/=]{44}):([A-Za-z0-9+/=]{44})$/;

/** Throws Internal `verifier_unreadable` for what `verifierText` did not write. */
export function parseVerifier(text: string): ScramVerifier {
  const match = VERIFIER.exec(text);
  const [, iterations, salt = '', stored = '', server = ''] = match ?? [];
  const bytes = (part: string) => Buffer.from(part, 'base64');
  const verifier = {
    salt: bytes(salt),
    iterations: Number(iterations),
    storedKey: bytes(stored),
    serverKey: bytes(server),
  };
  const whole = verifier.storedKey.length === KEY_LENGTH && verifier.serverKey.length === KEY_LENGTH;
  if (match === null || !whole) throw new Internal('verifier_unreadable', 'a stored password cannot be read');
  return verifier;
}

/**
 * A verifier no password fits, for users that do not exist: they see the same exchange, and the same salt each
 * time they ask. `secret` is the endpoint's own random key.
 */
export function mockVerifier(secret: Uint8Array, user: string): ScramVerifier {
  return {
    salt: hmac(secret, `salt ${user}`).subarray(0, SALT_LENGTH),
    iterations: ITERATIONS,
    storedKey: randomBytes(KEY_LENGTH),
    serverKey: randomBytes(KEY_LENGTH),
  };
}

export type ScramOutcome = { readonly ok: true; readonly serverFinal: Buffer } | { readonly ok: false };

/** One login as the server sees it: `begin` with client-first, then `finish` with client-final. */
export class ScramServer {
  readonly #verifier: ScramVerifier;
  /** Hash of our certificate under TLS; -PLUS is offered when it is there. */
  readonly #binding: Uint8Array | undefined;
  #header = '';
  #clientFirstBare = '';
  #serverFirst = '';
  #nonce = '';

  constructor(verifier: ScramVerifier, binding: Uint8Array | undefined) {
    this.#verifier = verifier;
    this.#binding = binding;
  }

  /** What to offer, the preferred one first. */
  get mechanisms(): readonly string[] {
    return this.#binding === undefined ? [SCRAM] : [SCRAM_PLUS, SCRAM];
  }

  /**
   * client-first-message -> server-first-message. Throws ProtocolViolation `bad_scram_message`, also where the
   * client says that the server offered no -PLUS though it did: somebody took the offer away (RFC 5802, section 6).
   */
  begin(mechanism: string, clientFirst: Uint8Array): Buffer {
    const message = Buffer.from(clientFirst).toString('utf8');
    const match = /^(?:(n|y)|p=([A-Za-z0-9.-]+)),(a=[^,]*)?,([\s\S]*)$/.exec(message);
    if (match === null) throw badScram('has a bad header');
    const [, flag, bindingType, authzid, bare = ''] = match;
    if (authzid !== undefined) throw badScram('asks to act as another user');
    this.#requireBinding(mechanism, flag, bindingType);
    // The user's name is ignored, as PostgreSQL does: the startup packet's counts.
    const [, nonce = ''] = readAttributes(bare, 'nr');
    if (!isNonce(nonce)) throw badScram('has a bad nonce');
    this.#header = message.slice(0, message.length - bare.length);
    this.#clientFirstBare = bare;
    this.#nonce = nonce + newNonce();
    const salt = this.#verifier.salt.toString('base64');
    this.#serverFirst = `r=${this.#nonce},s=${salt},i=${this.#verifier.iterations}`;
    return Buffer.from(this.#serverFirst);
  }

  /** client-final-message -> the verdict. Throws ProtocolViolation `bad_scram_message` when it is not well-formed. */
  finish(clientFinal: Uint8Array): ScramOutcome {
    const message = Buffer.from(clientFinal).toString('latin1');
    const [binding = '', nonce = '', proofText = ''] = readAttributes(message, 'crp');
    const proof = readBase64(proofText);
    if (proof.length !== KEY_LENGTH) throw badScram('has a proof of a wrong length');
    const bound = this.#header.startsWith('p=') ? (this.#binding ?? new Uint8Array()) : new Uint8Array();
    const expected = Buffer.concat([Buffer.from(this.#header), bound]);
    const bindingFits = sameBytes(readBase64(binding), expected);
    const nonceFits = sameBytes(Buffer.from(nonce, 'latin1'), Buffer.from(this.#nonce, 'latin1'));
    const withoutProof = message.slice(0, message.lastIndexOf(',p='));
    const authMessage = `${this.#clientFirstBare},${this.#serverFirst},${withoutProof}`;
    const clientKey = xor(proof, hmac(this.#verifier.storedKey, authMessage));
    const keyFits = sameBytes(sha256(clientKey), this.#verifier.storedKey);
    if (!(bindingFits && nonceFits && keyFits)) return { ok: false };
    const signature = hmac(this.#verifier.serverKey, authMessage).toString('base64');
    return { ok: true, serverFinal: Buffer.from(`v=${signature}`) };
  }

  #requireBinding(mechanism: string, flag: string | undefined, bindingType: string | undefined): void {
    switch (mechanism) {
      case SCRAM_PLUS:
        if (this.#binding === undefined) throw badScram('wants channel binding, which was not offered');
        if (bindingType !== BINDING_TYPE) throw badScram('does not bind the channel as it said');
        return;
      case SCRAM:
        if (bindingType !== undefined) throw badScram('binds the channel in a mechanism without binding');
        if (flag === 'y' && this.#binding !== undefined) {
          throw badScram('says that channel binding was not offered, but it was');
        }
        return;
      default:
        throw badScram('is for a mechanism that was not offered');
    }
  }
}
