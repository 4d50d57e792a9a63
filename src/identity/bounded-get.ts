import { HoopError, NotReachable } from '../base/errors.ts';
import type { CallHttp } from '../network/http-call.ts';

/** Discovery documents and key sets are some kilobytes; more is not what was asked for. In bytes. */
const LARGEST = 512 * 1024;
/** In milliseconds. */
const TIMEOUT = 5000;

/** Gets JSON from an issuer. Throws NotReachable `issuer_unreachable`. */
export type GetJson = (url: string) => Promise<unknown>;

/** By https, or by plain http where the caller has allowed it. */
export function jsonGetter(call: CallHttp): GetJson {
  return async (url) => {
    const { body, status } = await answerOf(call, url, {});
    if (status !== 200) throw unreachable(new URL(url).hostname, `it answered with status ${status}`);
    return body;
  };
}

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

/** As `jsonGetter`, by somebody who shows who it is. */
export function issuerAsker(call: CallHttp): AskIssuer {
  return (url, { authorization, form }) => {
    const headers = form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' };
    return answerOf(call, url, { ...headers, authorization }, form);
  };
}

/** RFC 6750, section 2.1. */
export const bearer = (token: string): Question => ({ authorization: `Bearer ${token}` });

/** A form from a client with a secret (RFC 6749, section 2.3.1: both are form-encoded first). */
export function formPost(form: URLSearchParams, clientId: string, secret: string): Question {
  const encoded = (text: string) => new URLSearchParams({ text }).toString().slice('text='.length);
  const both = Buffer.from(`${encoded(clientId)}:${encoded(secret)}`).toString('base64');
  return { authorization: `Basic ${both}`, form: form.toString() };
}

async function answerOf(
  call: CallHttp,
  url: string,
  headers: Readonly<Record<string, string>>,
  form?: string,
): Promise<{ readonly status: number; readonly body: unknown }> {
  const { hostname } = new URL(url);
  try {
    const { body, status } = await call(url, {
      method: form === undefined ? 'GET' : 'POST',
      headers: { accept: 'application/json', ...headers },
      body: form,
      patience: TIMEOUT,
      largest: LARGEST,
    });
    return { status, body: status === 200 ? (JSON.parse(body.toString('utf8')) as unknown) : undefined };
  } catch (error) {
    if (error instanceof SyntaxError) throw unreachable(hostname, 'its answer is not JSON');
    throw unreachable(hostname, (error instanceof HoopError && error.why) || 'it could not be asked');
  }
}

/** The issuer could not be asked, or said something else than it should. */
export function unreachable(issuer: string, why: string): NotReachable {
  return new NotReachable('issuer_unreachable', `the issuer ${issuer} cannot be asked`, {
    why,
    next: 'try again when it can be reached from where hoopctl runs',
    retryable: true,
  });
}
