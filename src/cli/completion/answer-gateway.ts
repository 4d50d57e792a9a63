import { Contexts } from '../../login/contexts.ts';
import { chosenContext, clientOf, openSignIns } from '../../login/open.ts';
import { sessionToken } from '../../login/sign-in.ts';
import { givenToken } from '../token.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Milliseconds; further away than the local daemon, and still a Tab that somebody waits for. */
const PATIENCE = 1000;

/** The gateway's names of a kind; undefined when commands go to the local daemon as its owner. */
export async function askGateway(home: string, environment: Environment, kind: string): Promise<unknown> {
  const context = chosenContext(new Contexts(home), environment);
  if (context.gateway === undefined && context.signIn === undefined) return undefined;
  const token = givenToken(environment) ?? (await sessionToken(openSignIns(home, environment), context.name));
  const client = clientOf(home, environment, context, token);
  return client.call('complete', { params: { kind }, signal: AbortSignal.timeout(PATIENCE) });
}
