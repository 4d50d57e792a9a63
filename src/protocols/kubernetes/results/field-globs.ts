import { compileGlob } from '../../../policy/glob.ts';
import { overlap } from '../../../policy/object-globs.ts';

/**
 * True when a mask's pattern could mean such a field, in which `*` is any run of characters. Fields are called
 * `namespace/resource/name/field`, of which nothing but the field may hold a slash. A pattern that has these parts is
 * read part by part: over the data of Secrets it does not mean what another object calls `x/secrets/y/data.z`.
 */
export function couldMeanField(pattern: string, resource: string, field: string): boolean {
  const [, kind = '', name = '', ...below] = pattern.split('/');
  if (below.length > 0 || name === '*') {
    return compileGlob(kind).matches(resource) && overlap(below.length > 0 ? below.join('/') : '*', field);
  }
  const literal = (segment: string) => !segment.includes('/');
  return behindSegment(pattern, literal)
    .flatMap((rest) => behindSegment(rest, (segment) => compileGlob(segment).matches(resource)))
    .flatMap((rest) => behindSegment(rest, literal))
    .some((rest) => overlap(rest, field));
}

/** What is left of a pattern behind the slash that ends a segment which fits: its own slash, or one within a `*`. */
function behindSegment(pattern: string, fits: (segment: string) => boolean): readonly string[] {
  const rests: string[] = [];
  for (let i = 0; i < pattern.length; i++) {
    if (pattern[i] === '/' && fits(pattern.slice(0, i))) rests.push(pattern.slice(i + 1));
    if (pattern[i] === '*' && fits(pattern.slice(0, i + 1))) rests.push(pattern.slice(i));
  }
  return rests;
}
