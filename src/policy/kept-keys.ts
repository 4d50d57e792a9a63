import { SHAPE } from '../sql/document-path.ts';
import type { ActiveMask } from './decision.ts';

/** `keep_keys` name what stays readable by path: `theme`, `settings.lang`, `*.lang`; an array's elements have no key. */
function matches(keep: readonly string[], path: readonly string[]): boolean {
  return keep.every((key, i) => key === '*' || key === path[i]);
}

/** True when the part of a document under these keys stays readable. Which keys there are shows where any is kept. */
export function keeps(mask: Pick<ActiveMask, 'keepKeys'>, path: readonly string[]): boolean {
  if (mask.keepKeys === undefined || path.length === 0) return false;
  if (path.at(-1) === SHAPE) return true;
  return mask.keepKeys.some((one) => {
    const keep = one.split('.');
    return keep.length <= path.length && matches(keep, path);
  });
}

/** What stays readable below these keys, relative to them. */
export function keptBelow(
  keepKeys: readonly string[] | undefined,
  path: readonly string[],
): readonly string[] {
  return (keepKeys ?? []).flatMap((one) => {
    const keep = one.split('.');
    const above = keep.slice(0, path.length);
    return keep.length > path.length && matches(above, path) ? [keep.slice(path.length).join('.')] : [];
  });
}
