import { generateKeyPairSync } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Provider } from 'oidc-provider';

/** Somebody at the provider. */
export interface Account {
  readonly email: string;
  readonly groups: readonly string[];
}

export const CLI_CLIENT = 'hoopctl-cli';
const signer = generateKeyPairSync('ec', { namedCurve: 'P-256' });
/** A machine that shows itself by its key (private_key_jwt, OpenID Connect Core 9). */
export const KEY_CLIENT = {
  id: 'signer',
  pem: signer.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
};
export const MACHINE_CLIENT = { id: 'nightly', secret: 'a secret of thirty-two characters' };
/** The audience of access tokens. */
export const RESOURCE = 'urn:hoopctl';

/** A real OpenID provider (node-oidc-provider) on loopback. `accounts` may be changed while it runs. */
export interface OidcProvider {
  readonly issuer: string;
  readonly accounts: Map<string, Account>;
  /** Does what a person does in a browser: opens a page, signs in as `account`, says yes until there is no form left. */
  browse(url: string, account: string): Promise<string>;
  /** The same, but says no as soon as a page lets it. */
  refuse(url: string, account: string): Promise<string>;
  /** Makes a new signing key; the old one is gone. */
  rotateKeys(): Promise<void>;
  /** The device authorization grant (RFC 8628) with `account` at a browser; the tokens. */
  deviceFlow(account: string, scope: string): Promise<Record<string, unknown>>;
  /** The person ends the session of its last browser; answers how many clients were told (back-channel logout). */
  logOut(account: string): Promise<number>;
  /** How often the UserInfo endpoint was asked. */
  userinfoCalls(): number;
  /** When it was asked that often. */
  askedUserinfo(times: number): Promise<void>;
  /** A form to the token endpoint; its answer. */
  token(form: Readonly<Record<string, string>>): Promise<Record<string, unknown>>;
  close(): Promise<void>;
}

export interface OidcProviderOptions {
  /** Where the client of the command line is told of logouts. */
  readonly backChannelLogout?: string;
}

export async function startOidcProvider(options: OidcProviderOptions = {}): Promise<OidcProvider> {
  const accounts = new Map<string, Account>([
    ['ana', { email: 'ana@example.com', groups: ['dba'] }],
    ['lea', { email: 'lea@example.com', groups: ['leads'] }],
  ]);
  let handle: ReturnType<Provider['callback']> | undefined;
  let userinfo = 0;
  let told = 0;
  const waiting = new Set<() => void>();
  const jars = new Map<string, Map<string, string>>();
  const server: Server = createServer((request, response) => {
    if (request.url === '/me') {
      response.once('close', () => {
        userinfo += 1;
        for (const look of waiting) look();
      });
    }
    void handle?.(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const renew = async () => {
    handle = await provider(issuer, accounts, options, () => {
      told += 1;
    });
  };
  await renew();
  const browseAs = (url: string, account: string) => {
    const cookies = new Map<string, string>();
    jars.set(account, cookies);
    return browse(url, account, cookies);
  };
  const token = async (form: Readonly<Record<string, string>>) => {
    const answer = await fetch(`${issuer}/token`, { method: 'POST', body: new URLSearchParams(form) });
    return (await answer.json()) as Record<string, unknown>;
  };
  return {
    issuer,
    accounts,
    rotateKeys: renew,
    browse: browseAs,
    refuse: (url, account) => browse(url, account, new Map(), true),
    async deviceFlow(account, scope) {
      const body = new URLSearchParams({ client_id: CLI_CLIENT, scope, prompt: 'consent', max_age: '3600' });
      const answer = await fetch(`${issuer}/device/auth`, { method: 'POST', body });
      const device = (await answer.json()) as Record<string, string>;
      await browseAs(device.verification_uri_complete ?? '', account);
      return token({
        grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
        client_id: CLI_CLIENT,
        device_code: device.device_code ?? '',
      });
    },
    async logOut(account) {
      const before = told;
      await browse(`${issuer}/session/end`, account, jars.get(account) ?? new Map());
      return told - before;
    },
    userinfoCalls: () => userinfo,
    askedUserinfo: (times) =>
      new Promise((resolve) => {
        const look = () => {
          if (userinfo < times) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
    token,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function provider(
  issuer: string,
  accounts: ReadonlyMap<string, Account>,
  { backChannelLogout }: OidcProviderOptions,
  loggedOut: () => void,
) {
  const { privateKey } = await crypto.subtle.generateKey(
    {
      name: 'RSASSA-PKCS1-v1_5',
      modulusLength: 2048,
      publicExponent: new Uint8Array([1, 0, 1]),
      hash: 'SHA-256',
    },
    true,
    ['sign', 'verify'],
  );
  const { key_ops: _, ext: __, ...key } = await crypto.subtle.exportKey('jwk', privateKey);
  const kid = crypto.randomUUID();
  const made = new Provider(issuer, {
    clients: [
      {
        client_id: CLI_CLIENT,
        token_endpoint_auth_method: 'none',
        application_type: 'native',
        grant_types: ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'],
        redirect_uris: [],
        response_types: [],
        ...(backChannelLogout === undefined
          ? {}
          : { backchannel_logout_uri: backChannelLogout, backchannel_logout_session_required: true }),
      },
      {
        client_id: MACHINE_CLIENT.id,
        client_secret: MACHINE_CLIENT.secret,
        token_endpoint_auth_method: 'client_secret_post',
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
      },
      {
        client_id: KEY_CLIENT.id,
        token_endpoint_auth_method: 'private_key_jwt',
        token_endpoint_auth_signing_alg: 'ES256',
        jwks: { keys: [signer.publicKey.export({ format: 'jwk' })] } as never,
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
      },
    ],
    jwks: { keys: [{ ...key, kid, alg: 'RS256', use: 'sig' }] } as never,
    cookies: { keys: ['cookie secret of the tests'] },
    claims: { openid: ['sub', 'groups', 'auth_time', 'uti'], email: ['email', 'email_verified'] },
    scopes: ['openid', 'offline_access', 'email'],
    conformIdTokenClaims: false,
    // Without its dispatcher, which keeps a provider on the internet away from loopback.
    fetch: (url: string, init: RequestInit & { dispatcher?: unknown }) => {
      const { dispatcher: _, ...plain } = init;
      return fetch(url, plain);
    },
    features: {
      deviceFlow: { enabled: true },
      clientCredentials: { enabled: true },
      revocation: { enabled: true },
      backchannelLogout: { enabled: true },
      devInteractions: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => undefined,
        getResourceServerInfo: () => ({
          scope: 'run',
          audience: RESOURCE,
          accessTokenFormat: 'jwt',
          accessTokenTTL: 300,
          jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
    ttl: {
      AccessToken: 300,
      ClientCredentials: 300,
      DeviceCode: 60,
      Grant: 3600,
      IdToken: 300,
      Interaction: 300,
      RefreshToken: 3600,
      Session: 3600,
    },
    issueRefreshToken: () => true,
    rotateRefreshToken: true,
    findAccount: (_: unknown, id: string) => {
      const account = accounts.get(id);
      if (!account) return undefined;
      const { email, groups } = account;
      return {
        accountId: id,
        claims: async () => ({
          sub: id,
          email,
          email_verified: true,
          groups: [...groups],
          // No two tokens of a provider are the same, not even within one second (Entra names it so, others `jti`).
          uti: crypto.randomUUID(),
        }),
      };
    },
  });
  // Its warnings are about production; these are tests on loopback.
  made.on('server_error', () => {});
  made.on('backchannel.success', loggedOut);
  return made.callback();
}

/** Forms until there is none: the user code, the login, the consent. */
async function browse(
  start: string,
  account: string,
  cookies: Map<string, string>,
  refuses = false,
): Promise<string> {
  const visit = async (url: string, body?: URLSearchParams): Promise<{ url: string; html: string }> => {
    const answer = await fetch(url, {
      redirect: 'manual',
      headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
      ...(body ? { method: 'POST', body } : {}),
    });
    for (const line of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value === '') cookies.delete(name);
      else cookies.set(name, value);
    }
    const next = answer.headers.get('location');
    if (next !== null) return visit(new URL(next, url).href);
    return { url, html: await answer.text() };
  };
  let page = await visit(start);
  for (let step = 0; step < 10; step++) {
    const form = /<form[^>]*\saction="([^"]+)"[^>]*>([\s\S]*?)<\/form>/.exec(page.html);
    if (!form) return page.html;
    const fields = new URLSearchParams();
    for (const [, attributes = ''] of (form[2] ?? '').matchAll(/<(?:input|button)([^>]*)>/g)) {
      const name = /\sname="([^"]*)"/.exec(attributes)?.[1];
      if (name === undefined || name === 'abort') continue;
      fields.set(name, /\svalue="([^"]*)"/.exec(attributes)?.[1] ?? '');
    }
    const aborts = refuses && page.html.includes('name="abort"');
    if (aborts) fields.set('abort', 'yes');
    if (form[1]?.includes('/session/end/')) fields.set('logout', 'yes');
    if (fields.has('login')) fields.set('login', account);
    if (fields.has('password')) fields.set('password', 'whatever');
    page = await visit(new URL((form[1] ?? '').replaceAll('&amp;', '&'), page.url).href, fields);
    // What comes then asks for another code.
    if (aborts) return page.html;
  }
  throw new Error(`the browser got lost at ${page.url}`);
}
