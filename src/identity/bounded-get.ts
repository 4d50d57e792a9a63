import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { NotReachable } from '../base/errors.ts';

/** Discovery documents and key sets are some kilobytes; more is not what was asked for. */
const LARGEST = 512 * 1024;
const TIMEOUT = 5000;

/** Gets JSON from an issuer. Throws NotReachable `issuer_unreachable`. */
export type GetJson = (url: string) => Promise<unknown>;

/** By https, or by plain http where the caller has allowed it. Follows no redirect; bounded in size and time. */
export const getJson: GetJson = async (url) => {
  const { body, status } = await get(url, {});
  if (status !== 200) throw unreachable(new URL(url).hostname, `it answered with status ${status}`);
  return body;
};

/** What an issuer is asked with; a GET where there is no form. */
export interface Question {
  readonly authorization: string;
  readonly form?: string;
}

/** What an issuer answers; `body` is undefined for anything but a good answer. Throws NotReachable without one. */
export type AskIssuer = (
  url: string,
  question: Question,
) => Promise<{ readonly status: number; readonly body: unknown }>;

/** As `getJson`, by somebody who shows who it is. */
export const askIssuer: AskIssuer = (url, { authorization, form }) =>
  get(
    url,
    {
      authorization,
      ...(form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
    },
    form,
  );

/** RFC 6750, section 2.1. */
export const bearer = (token: string): Question => ({ authorization: `Bearer ${token}` });

/** A form from a client with a secret (RFC 6749, section 2.3.1: both are form-encoded first). */
export function formPost(form: URLSearchParams, clientId: string, secret: string): Question {
  const encoded = (text: string) => new URLSearchParams({ text }).toString().slice('text='.length);
  const both = Buffer.from(`${encoded(clientId)}:${encoded(secret)}`).toString('base64');
  return { authorization: `Basic ${both}`, form: form.toString() };
}

function get(
  url: string,
  headers: Readonly<Record<string, string>>,
  form?: string,
): Promise<{ readonly status: number; readonly body: unknown }> {
  const { hostname, protocol } = new URL(url);
  return new Promise((resolve, reject) => {
    const failed = (why: string) => reject(unreachable(hostname, why));
    const call = (protocol === 'https:' ? httpsRequest : httpRequest)(
      url,
      {
        method: form === undefined ? 'GET' : 'POST',
        headers: { accept: 'application/json', 'user-agent': 'hoopctl', ...headers },
        agent: false,
      },
      (answer) => {
        const status = answer.statusCode ?? 0;
        if (status !== 200) {
          answer.destroy();
          resolve({ status, body: undefined });
          return;
        }
        const chunks: Buffer[] = [];
        let length = 0;
        answer.on('data', (chunk: Buffer) => {
          length += chunk.length;
          if (length > LARGEST) {
            answer.destroy();
            failed('its answer is too large');
          } else chunks.push(chunk);
        });
        answer.on('error', () => failed('its answer broke off'));
        answer.on('end', () => {
          try {
            resolve({ status, body: JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown });
          } catch {
            failed('its answer is not JSON');
          }
        });
      },
    );
    const deadline = setTimeout(() => {
      failed(`it did not answer within ${TIMEOUT / 1000} s`);
      call.destroy();
    }, TIMEOUT);
    call.on('close', () => clearTimeout(deadline));
    call.on('error', (error: NodeJS.ErrnoException) => failed(error.code ?? error.message));
    call.end(form);
  });
}

/** The issuer could not be asked, or said something else than it should. */
export function unreachable(issuer: string, why: string): NotReachable {
  return new NotReachable('issuer_unreachable', `the issuer ${issuer} cannot be asked`, {
    why,
    next: 'try again when it can be reached from where hoopctl runs',
    retryable: true,
  });
}
