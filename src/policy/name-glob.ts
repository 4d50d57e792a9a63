import { compileGlob, type Glob } from './glob.ts';

/** A pattern over names of identities. */
export type NameGlob = Pick<Glob, 'pattern' | 'matches'>;

/** Everybody, wherever they come from. */
export const EVERYBODY = '*';

/**
 * Compiles a pattern over names of identities. The name of an issuer's identity ends in `@DOMAIN`, and no `*` reaches
 * over an `@`: `ci-*` means identities that were created here, `ci-*@gitlab` those of one issuer, `*@*` those of
 * all. So nobody whom an issuer calls `ci-x` is taken for a local one. `*` alone is everybody.
 */
export function compileNameGlob(pattern: string): NameGlob {
  if (pattern === EVERYBODY) return { pattern, matches: () => true };
  const pieces = pattern.split('@').map((piece) => compileGlob(piece));
  return {
    pattern,
    matches(name) {
      const parts = name.split('@');
      return parts.length === pieces.length && pieces.every((piece, i) => piece.matches(parts[i] ?? ''));
    },
  };
}

/** True when identities of that domain may fit the pattern. */
export function mayMeanDomain(pattern: string, domain: string): boolean {
  if (pattern === EVERYBODY) return true;
  const at = pattern.lastIndexOf('@');
  return at >= 0 && compileGlob(pattern.slice(at + 1)).matches(domain);
}

/** True for a pattern that would fit the name if its `*` reached over the `@`: its writer may have meant so. */
export function fallsShortOf(pattern: string, name: string): boolean {
  if (!pattern.includes('*') || pattern.includes('@')) return false;
  return compileGlob(pattern).matches(name) && !compileNameGlob(pattern).matches(name);
}
