import type { z } from 'zod';
import type { RouteName, routes } from '../../api/routes.ts';
import type { Span } from '../../session/trace.ts';
import type { IdentityRow } from '../../store/store.ts';

type Definition<N extends RouteName> = (typeof routes)[N];
type Parsed<N extends RouteName, K extends string> =
  Definition<N> extends Readonly<Record<K, infer S extends z.ZodType>> ? z.output<S> : undefined;

/** One authorized call: who makes it and its validated words. */
export interface Call<N extends RouteName> {
  /** The identity whose token came with the call; the bootstrap token and public routes have none. */
  readonly caller: Definition<N>['allow'] extends 'bootstrap' | 'public' ? undefined : IdentityRow;
  /** The path's `:parameter`, decoded; empty for a parameter the path does not have. */
  param(name: string): string;
  readonly query: Parsed<N, 'query'>;
  readonly body: Parsed<N, 'body'>;
  /** Lines of a `rawBody` route's body. */
  readonly lines: AsyncIterable<string>;
  /** `machine`: over the Unix socket of this user; `network`: over a gateway's listener. */
  readonly origin: 'machine' | 'network';
  /** The caller's, `local` over the Unix socket. */
  readonly address: string;
  /** Fires when the client went away or the daemon stops. */
  readonly signal: AbortSignal;
  /** What its parts are traced under. */
  readonly trace?: Span | undefined;
}

type Answer<N extends RouteName> =
  Definition<N> extends { readonly stream: true }
    ? AsyncIterable<z.input<Definition<N>['response']>>
    : z.input<Definition<N>['response']>;

/** Does what a route says. A stream's checks come before its promise is fulfilled, so that they answer with a status. */
export type Handler<N extends RouteName> = (call: Call<N>) => Promise<Answer<N>>;

/** One handler for every route of the contract; each file of this folder makes some of them. */
export type Handlers = { readonly [N in RouteName]: Handler<N> };
