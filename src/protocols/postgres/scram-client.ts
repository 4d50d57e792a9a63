import { NotPermitted, ProtocolViolation } from '../../base/errors.ts';
import {
  BINDING_TYPE,
  badScram,
  deriveKeys,
  hmac,
  isNonce,
  readAttributes,
  readBase64,
  SCRAM,
  SCRAM_PLUS,
  sameBytes,
  xor,
} from './scram.ts';

/** Below PostgreSQL's default a server makes the password cheap to guess for whoever reads the exchange. */
const LEAST_ITERATIONS = 4096;
/** A target must not make us compute for minutes; a million rounds take about half a second. */
const MOST_ITERATIONS = 1_000_000;

export type ChannelBinding =
  /** TLS with binding data, and the server offered -PLUS. */
  | { readonly use: 'bound'; readonly data: Uint8Array }
  /** TLS with binding data, but the server did not offer -PLUS: said so, so that a downgrade is found. */
  | { readonly use: 'not-offered' }
  /** No TLS, or binding is turned off. */
  | { readonly use: 'none' };

/** One login by SCRAM: `first`, then `answer`, then `verify`; throws on whatever the server says wrong. */
export class ScramClient {
  readonly mechanism: typeof SCRAM | typeof SCRAM_PLUS;
  readonly #password: string;
  readonly #nonce: string;
  readonly #header: string;
  readonly #bindingData: Uint8Array;
  #serverSignature: Buffer | undefined;

  /** `nonce` of `newNonce`. */
  constructor(password: string, binding: ChannelBinding, nonce: string) {
    this.#password = password;
    this.#nonce = nonce;
    this.mechanism = binding.use === 'bound' ? SCRAM_PLUS : SCRAM;
    this.#bindingData = binding.use === 'bound' ? binding.data : new Uint8Array();
    this.#header = { bound: `p=${BINDING_TYPE},,`, 'not-offered': 'y,,', none: 'n,,' }[binding.use];
  }

  /** client-first-message. The user's name is empty: PostgreSQL takes the startup packet's. */
  first(): Buffer {
    return Buffer.from(`${this.#header}${this.#firstBare()}`);
  }

  /** server-first-message -> client-final-message. Throws ProtocolViolation `bad_scram_message`, `scram_iterations`. */
  async answer(serverFirst: Uint8Array): Promise<Buffer> {
    const message = Buffer.from(serverFirst).toString('latin1');
    const [nonce = '', salt = '', count = ''] = readAttributes(message, 'rsi');
    if (!isNonce(nonce) || !nonce.startsWith(this.#nonce) || nonce.length <= this.#nonce.length) {
      throw badScram('does not carry on the nonce');
    }
    const keys = await deriveKeys(this.#password, readBase64(salt), readIterations(count));
    const binding = Buffer.concat([Buffer.from(this.#header), this.#bindingData]).toString('base64');
    const withoutProof = `c=${binding},r=${nonce}`;
    const authMessage = `${this.#firstBare()},${message},${withoutProof}`;
    const proof = xor(keys.clientKey, hmac(keys.storedKey, authMessage));
    this.#serverSignature = hmac(keys.serverKey, authMessage);
    return Buffer.from(`${withoutProof},p=${proof.toString('base64')}`);
  }

  /** server-final-message: the server must prove that it knows the password. Throws NotPermitted, ProtocolViolation. */
  verify(serverFinal: Uint8Array): void {
    if (this.#serverSignature === undefined) throw badScram('comes too early');
    const message = Buffer.from(serverFinal).toString('latin1');
    if (message.startsWith('e=')) {
      throw new NotPermitted('target_authentication_failed', 'the target refused the login by SCRAM');
    }
    const [signature = ''] = readAttributes(message, 'v');
    if (!sameBytes(readBase64(signature), this.#serverSignature)) {
      throw new ProtocolViolation(
        'target_not_authentic',
        'the target does not know the password it asked for: its SCRAM signature is wrong',
      );
    }
    this.#serverSignature = undefined;
  }

  #firstBare(): string {
    return `n=,r=${this.#nonce}`;
  }
}

function readIterations(text: string): number {
  const iterations = /^[1-9][0-9]{0,9}$/.test(text) ? Number(text) : 0;
  if (iterations >= LEAST_ITERATIONS && iterations <= MOST_ITERATIONS) return iterations;
  throw new ProtocolViolation(
    'scram_iterations',
    `the target asks for SCRAM with ${iterations} iterations; hoopctl takes ${LEAST_ITERATIONS} to ${MOST_ITERATIONS}`,
    { next: 'set scram_iterations on the server and set the password again' },
  );
}
