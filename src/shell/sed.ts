/**
 * True when a sed script only prints: addresses, `p d q = n N g G h H x D P` and `s` without the flags `e` and `w`.
 * Anything it does not take for certain is false.
 */
export function sedOnlyPrints(script: string): boolean {
  let at = 0;

  function skipBlank(): void {
    while (/[\s;]/.test(script[at] ?? '')) at++;
  }

  /** A field up to its delimiter; false when it does not end, or a bracket makes its end ambiguous. */
  function field(delimiter: string): boolean {
    let open = false;
    for (; at < script.length; at++) {
      const c = script[at];
      if (c === '\\') at++;
      else if (c === '\n') return false;
      else if (c === delimiter) {
        at++;
        // Inside [...] some read the delimiter as itself.
        return !open;
      } else if (c === '[') open = true;
      else if (c === ']') open = false;
    }
    return false;
  }

  function address(): boolean {
    if (script[at] === '/') {
      at++;
      if (!field('/')) return false;
      if (script[at] === 'I') at++;
      return true;
    }
    const number = /^(\d+|\$)/.exec(script.slice(at));
    if (number) at += number[0].length;
    return true;
  }

  function substitution(): boolean {
    const delimiter = script[++at] ?? '';
    if (!/^[/|,#@:%!]$/.test(delimiter)) return false;
    at++;
    if (!field(delimiter) || !field(delimiter)) return false;
    while (/[gpIi0-9]/.test(script[at] ?? '')) at++;
    return true;
  }

  skipBlank();
  while (at < script.length) {
    if (!address()) return false;
    if (script[at] === ',') {
      at++;
      if (!address()) return false;
    }
    while (script[at] === '!' || script[at] === ' ') at++;
    if (script[at] === 's') {
      if (!substitution()) return false;
    } else if (/[pdqnNgGhHxDP=]/.test(script[at] ?? '')) {
      at++;
    } else return false;
    if (at < script.length && !/[\s;]/.test(script[at] ?? '')) return false;
    skipBlank();
  }
  return true;
}

/** True when an awk program has nothing in it that writes, runs or includes: no `>`, `|`, `@`, system, getline. */
export function awkOnlyPrints(program: string): boolean {
  return !/[>|@`]|system|getline|close|fflush|include|load|ENVIRON|PROCINFO/.test(program);
}
