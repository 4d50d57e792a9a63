import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { AnswerOf } from '../../api/client.ts';
import { hostOf } from '../../api/client-dial.ts';
import { LoginNeeded, UsageError } from '../../base/errors.ts';
import { contextName, LOCAL, type LoginContext } from '../../login/contexts.ts';
import type { ProviderTokens } from '../../login/grants.ts';
import { chosenContext, openSignIns } from '../../login/open.ts';
import type { ClientProof } from '../../login/provider.ts';
import { type SignInDeps, signInByToken, signInWith } from '../../login/sign-in.ts';
import { untilReached } from '../../login/until-reached.ts';
import { acting } from '../acting.ts';
import { ensureDaemon } from '../daemon-process.ts';
import { exitCodeOfSignal, Interrupted } from '../interrupted.ts';
import type { Io } from '../io.ts';
import { printDocument, printLineTo, SCHEMA_VERSION, say, tell } from '../output.ts';
import { askWith, secretFromStdin } from '../questions.ts';
import { shownTime } from '../times.ts';
import { visible } from '../visible-text.ts';
import { openBrowser } from './browser.ts';
import { DevicePrompt } from './device-prompt.ts';
import { type TrustOptions, trustFor } from './trust.ts';

export interface LoginOptions extends TrustOptions {
  readonly home: string;
  readonly json: boolean;
  /** The URL of a gateway or the name of a context; the context in use when left out. */
  readonly target: string | undefined;
  readonly name: string | undefined;
  /** The issuer's URL, or its name in the policy. */
  readonly issuer: string | undefined;
  readonly clientId: string | undefined;
  readonly scopes: readonly string[];
  /** What the token is to be for; the first of the policy's audiences when left out. */
  readonly audience: string | undefined;
  readonly allowHttpLoopback: boolean;
  readonly browser: boolean;
  readonly clientSecretStdin: boolean;
  /** A file with the client's key in PEM. */
  readonly privateKey: string | undefined;
  readonly tokenStdin: boolean;
  readonly onBehalfOf: string | undefined;
  /** A SAML provider, by the policy's name for it. */
  readonly saml: string | undefined;
  readonly codeStdin: boolean;
  /** Sign in anew at the provider, as deciding may need. */
  readonly fresh: boolean;
}

type Method = AnswerOf<'signInMethods'>['issuers'][number];

/** Signs in, and makes the gateway the one that commands go to. */
export async function run(options: LoginOptions, io: Io): Promise<void> {
  requireOneWay(options);
  const deps = openSignIns(options.home, io.env);
  const context = await contextFor(options, deps, io);
  if (context.gateway === undefined) await ensureDaemon(options.home, io);
  if (options.tokenStdin) await byToken(options, deps, context, io);
  else if (options.saml !== undefined) await bySaml(options, options.saml, deps, context, io);
  else await byProvider(options, deps, context, io);
  // The one of the environment is used because of the environment.
  if (options.target !== undefined) deps.contexts.use(context.name);
  report(options, deps, context.name, io);
}

function requireOneWay(options: LoginOptions): void {
  const ways = [
    options.clientSecretStdin,
    options.privateKey !== undefined,
    options.tokenStdin,
    options.saml !== undefined,
  ];
  if (ways.filter(Boolean).length <= 1) return;
  throw new UsageError(
    'two_ways',
    '--client-secret-stdin, --private-key, --token-stdin and --saml exclude each other',
  );
}

async function contextFor(options: LoginOptions, deps: SignInDeps, io: Io): Promise<LoginContext> {
  const { contexts } = deps;
  const { target } = options;
  if (target === undefined) {
    const chosen = chosenContext(contexts, io.env);
    if (chosen.gateway === undefined) return chosen;
    const trust = await trustFor(chosen.gateway.url, options, chosen.gateway.trust, io);
    return { ...chosen, gateway: { ...chosen.gateway, trust } };
  }
  const known = contexts.find(target);
  if (known !== undefined && known.gateway === undefined) return known;
  const { host, url } = hostOf(known?.gateway?.url ?? target);
  const before = known ?? contexts.find(url);
  const name = options.name ?? before?.name ?? host.replaceAll(/[^A-Za-z0-9._-]/g, '-');
  if (name === LOCAL || !contextName.safeParse(name).success) {
    throw new UsageError('bad_context_name', `"${name}" cannot be the name of a context`, {
      next: 'give another with --name: letters, digits, dots, hyphens',
    });
  }
  const trust = await trustFor(url, options, before?.gateway?.trust, io);
  return { name, gateway: { url, trust }, ...(before?.signIn ? { signIn: before.signIn } : {}) };
}

async function byToken(
  options: LoginOptions,
  deps: SignInDeps,
  context: LoginContext,
  io: Io,
): Promise<void> {
  const token = await secretFromStdin(io, '--token-stdin');
  if (token.startsWith('hpt_') && options.onBehalfOf === undefined) {
    await signInByToken(deps, context, token);
  } else {
    await signInWith(deps, context, { token }, { onBehalfOf: options.onBehalfOf });
  }
}

async function bySaml(
  options: LoginOptions,
  provider: string,
  deps: SignInDeps,
  context: LoginContext,
  io: Io,
): Promise<void> {
  // Asked for before anybody goes to a browser.
  const prompts = options.codeStdin
    ? undefined
    : askWith(io, 'the code of the browser is needed', '--code-stdin');
  const { signInBySaml } = await import('../../login/saml.ts');
  await signInBySaml(deps, context, provider, async ({ expiresAt, url }) => {
    if (options.json) {
      printLineTo(io.err, { schemaVersion: SCHEMA_VERSION, type: 'saml-sign-in', url, expiresAt });
    } else {
      tell(io, `Sign in at ${visible(url)}`);
      if (io.lively && options.browser) openBrowser(url, io);
    }
    if (prompts === undefined) return secretFromStdin(io, '--code-stdin');
    return prompts.line('Code that the browser shows:');
  });
}

async function byProvider(
  options: LoginOptions,
  deps: SignInDeps,
  context: LoginContext,
  io: Io,
): Promise<void> {
  const { issuers } = await deps.clientOf(context, 'none').call('signInMethods', {});
  const method = methodFor(options, issuers, context.name);
  const clientId = options.clientId ?? method.clientId;
  if (clientId === null) {
    throw new UsageError('no_client', `the policy names no client_id for the issuer ${method.name}`, {
      next: 'give --client-id, or a token from elsewhere with --token-stdin',
    });
  }
  const proof = await proofOf(options, io);
  const scopes = options.scopes.length > 0 ? options.scopes : method.scopes;
  const allowHttpLoopback = options.allowHttpLoopback;
  const asking = {
    issuer: method.issuer,
    clientId,
    scopes: [...scopes],
    audience: options.audience ?? method.audience,
    allowHttpLoopback,
    // A machine's access token is what it signs in with.
    accessToken: method.accessToken && proof.kind === 'none',
  };
  const tokens = await tokensFrom(options, { ...asking, proof, fresh: options.fresh }, io);
  const facts = {
    onBehalfOf: options.onBehalfOf,
    provider: {
      ...asking,
      refreshToken: tokens.refreshToken,
      ...(proof.kind === 'secret' ? { clientSecret: proof.secret } : {}),
      ...(proof.kind === 'key' ? { clientKey: proof.pem } : {}),
    },
  };
  // Nobody is to sign in twice because the gateway was started anew meanwhile.
  await untilReached(
    () => signInWith(deps, context, tokens, facts),
    (why) => tell(io, visible(`${why}; trying again`)),
    pause,
  );
}

/** Throws LoginNeeded `opaque_token` for an access token that only its issuer can read. */
function requireReadable(tokens: ProviderTokens, { audience, issuer }: Asked): ProviderTokens {
  if (tokens.token.split('.').length === 3) return tokens;
  throw new LoginNeeded('opaque_token', `${issuer} gave a token that only it can read`, {
    why: `it is no JWT${audience === null ? '' : `; what was asked for: audience ${audience}`}`,
    next: 'name what the token is to be for, as the issuer knows it: --audience AUDIENCE',
  });
}

/** Which of the issuers that the policy trusts. Throws UsageError `no_issuer`, `which_issuer`. */
function methodFor({ issuer }: LoginOptions, issuers: readonly Method[], context: string): Method {
  const usable = issuer === undefined ? issuers.filter(({ clientId }) => clientId !== null) : issuers;
  const same = (url: string) => url.replace(/\/$/, '') === issuer?.replace(/\/$/, '');
  const found = usable.filter((one) => issuer === undefined || one.name === issuer || same(one.issuer));
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  if (found.length > 1) {
    throw new UsageError('which_issuer', `${context} takes sign-ins from several issuers`, {
      next: `give one: ${found.map(({ name }) => `--issuer ${name}`).join(' or ')}`,
    });
  }
  const names = issuers.map(({ name }) => name).join(', ');
  throw new UsageError(
    'no_issuer',
    `${context} takes no sign-ins ${issuer ? `from ${issuer}` : 'of people'}`,
    {
      why: names === '' ? 'its policy trusts no issuer' : `its policy trusts ${names}`,
      next: 'an owner adds it to the policy under identity: issuers; or use a token: --token-stdin',
    },
  );
}

async function proofOf(options: LoginOptions, io: Io): Promise<ClientProof> {
  if (options.clientSecretStdin) {
    return { kind: 'secret', secret: await secretFromStdin(io, '--client-secret-stdin') };
  }
  if (options.privateKey === undefined) return { kind: 'none' };
  try {
    return { kind: 'key', pem: readFileSync(options.privateKey, 'utf8') };
  } catch (error) {
    throw new UsageError('no_client_key', `${options.privateKey} cannot be read`, {
      why: error instanceof Error ? error.message : String(error),
      cause: error,
    });
  }
}

interface Asked {
  readonly issuer: string;
  readonly clientId: string;
  readonly scopes: readonly string[];
  readonly audience: string | null;
  readonly allowHttpLoopback: boolean;
  readonly proof: ClientProof;
  readonly fresh: boolean;
}

/** A client with a proof of its own is a machine; without one a person is asked to sign in. */
async function tokensFrom(options: LoginOptions, asked: Asked, io: Io): Promise<ProviderTokens> {
  const [{ openProvider }, { deviceGrant, machineGrant }] = await Promise.all([
    import('../../login/provider.ts'),
    import('../../login/grants.ts'),
  ]);
  const provider = await openProvider({ ...asked, environment: io.env });
  if (asked.proof.kind !== 'none') return requireReadable(await machineGrant(provider, asked), asked);
  const stop = new AbortController();
  const release = io.onSignal((signal) => stop.abort(new Interrupted(exitCodeOfSignal(signal))));
  const prompt = new DevicePrompt({ json: options.json, browser: options.browser }, io);
  try {
    return await deviceGrant(
      provider,
      asked,
      (code) => prompt.show(code),
      (why) => prompt.trouble(why),
      stop.signal,
    );
  } finally {
    release();
    prompt.close();
  }
}

function report(options: LoginOptions, deps: SignInDeps, name: string, io: Io): void {
  const { gateway, signIn } = deps.contexts.require(name);
  if (signIn === undefined) throw new LoginNeeded('not_signed_in', 'the sign-in was not kept');
  const { expiresAt, identity } = signIn;
  if (options.json) {
    return printDocument(io, { context: name, url: gateway?.url ?? null, identity, expiresAt });
  }
  const until = shownTime(expiresAt, io.out, io.now(), 'never');
  const renewed = signIn.provider === undefined ? '' : ', renewed by itself';
  say(
    io,
    `${io.out.paint.green('✔')} signed in to ${visible(name)} as ${visible(acting(identity, signIn.onBehalfOf))} (expires ${until}${renewed})`,
  );
}
