/**
 * True when a sed script only prints: addresses, blocks, `p d q = n N g G h H x D P l z y a i c b t T :` and `s`
 * without the flags `e`, `m` and `w`. Anything it does not take for certain is false.
 */
export function sedOnlyPrints(script: string): boolean {
  return new SedReader(script).onlyPrints();
}

class SedReader {
  readonly #script: string;
  #at = 0;

  constructor(script: string) {
    this.#script = script;
  }

  onlyPrints(): boolean {
    let open = 0;
    this.#skip(/[\s;]/);
    while (this.#at < this.#script.length) {
      if (this.#here === '}') {
        open--;
        this.#at++;
      } else {
        if (!this.#addresses()) return false;
        if (this.#here === '{') {
          open++;
          this.#at++;
          this.#skip(/[\s;]/);
          continue;
        }
        if (!this.#command()) return false;
      }
      if (open < 0 || (this.#at < this.#script.length && !/[\s;}]/.test(this.#here))) return false;
      this.#skip(/[\s;]/);
    }
    return open === 0;
  }

  get #here(): string {
    return this.#script[this.#at] ?? '';
  }

  #skip(what: RegExp): void {
    while (this.#here !== '' && what.test(this.#here)) this.#at++;
  }

  #addresses(): boolean {
    if (!this.#address()) return false;
    if (this.#here === ',') {
      this.#at++;
      this.#skip(/ /);
      if (/[+~]/.test(this.#here)) this.#at++;
      if (!this.#address()) return false;
    }
    this.#skip(/[! ]/);
    return true;
  }

  #address(): boolean {
    if (this.#here === '/') {
      this.#at++;
      const ends = this.#field('/');
      this.#skip(/I/);
      return ends;
    }
    const number = /^(\d+(~\d+)?|\$)/.exec(this.#script.slice(this.#at));
    this.#at += number?.[0].length ?? 0;
    return true;
  }

  #command(): boolean {
    const name = this.#here;
    this.#at++;
    if (name === 's' || name === 'y') return this.#substitution(name === 's');
    if (/^[:btT]$/.test(name)) {
      this.#skip(/ /);
      this.#skip(/\w/);
      return true;
    }
    if (/^[aic]$/.test(name)) return this.#text();
    if (/^[ql]$/.test(name)) this.#skip(/\d/);
    return /^[pdqnNgGhHxDPlz=]$/.test(name);
  }

  /** `s/a/b/flags`, `y/abc/xyz/`; the place is behind its letter. */
  #substitution(flags: boolean): boolean {
    const delimiter = this.#here;
    if (!/^[/|,#@:%!]$/.test(delimiter)) return false;
    this.#at++;
    if (!this.#field(delimiter) || !this.#field(delimiter)) return false;
    if (flags) this.#skip(/[gpIi0-9]/);
    return true;
  }

  /** Text up to the end of its line, in the form of one line or with a backslash: none that goes on, since readers differ. */
  #text(): boolean {
    const [text = ''] = /^[^\n]*/.exec(this.#script.slice(this.#at)) ?? [];
    this.#at += text.length;
    return /^\s*\\?[^\\]*$/.test(text);
  }

  /** A field up to its delimiter; false when it does not end, or a bracket makes its end ambiguous. */
  #field(delimiter: string): boolean {
    let open = false;
    for (; this.#at < this.#script.length; this.#at++) {
      const c = this.#here;
      if (c === '\\') this.#at++;
      else if (c === '\n') return false;
      else if (c === delimiter) {
        this.#at++;
        // Inside [...] some read the delimiter as itself.
        return !open;
      } else if (c === '[') open = true;
      else if (c === ']') open = false;
    }
    return false;
  }
}
