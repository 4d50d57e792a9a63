/** How a character looks. A colour is 0 to 255 of xterm's palette, or `#rrggbb`. */
export interface Look {
  readonly foreground?: number | string | undefined;
  readonly background?: number | string | undefined;
  readonly bold?: boolean | undefined;
  readonly dim?: boolean | undefined;
  readonly italic?: boolean | undefined;
  readonly underline?: boolean | undefined;
  readonly inverse?: boolean | undefined;
}

export const PLAIN: Look = {};

export function sameLook(a: Look, b: Look): boolean {
  return (
    a === b ||
    (a.foreground === b.foreground &&
      a.background === b.background &&
      a.bold === b.bold &&
      a.dim === b.dim &&
      a.italic === b.italic &&
      a.underline === b.underline &&
      a.inverse === b.inverse)
  );
}

/** What single parameters of SGR change (ECMA-48 8.3.117). */
const CHANGES: Readonly<Record<number, Look>> = {
  1: { bold: true },
  2: { dim: true },
  3: { italic: true },
  4: { underline: true },
  7: { inverse: true },
  21: { underline: true },
  22: { bold: undefined, dim: undefined },
  23: { italic: undefined },
  24: { underline: undefined },
  27: { inverse: undefined },
  39: { foreground: undefined },
  49: { background: undefined },
};

/** The look after `CSI parameters m`. */
export function lookAfter(before: Look, parameters: string): Look {
  const numbers = parameters.split(/[;:]/).map((one) => Number.parseInt(one, 10) || 0);
  let look = before;
  for (let at = 0; at < numbers.length; at++) {
    const number = numbers[at] ?? 0;
    if (number === 0) look = PLAIN;
    else if (number >= 30 && number <= 37) look = { ...look, foreground: number - 30 };
    else if (number >= 40 && number <= 47) look = { ...look, background: number - 40 };
    else if (number >= 90 && number <= 97) look = { ...look, foreground: number - 82 };
    else if (number >= 100 && number <= 107) look = { ...look, background: number - 92 };
    else if (number === 38 || number === 48) {
      const [colour, taken] = extended(numbers.slice(at + 1));
      at += taken;
      if (colour !== undefined) {
        look = number === 38 ? { ...look, foreground: colour } : { ...look, background: colour };
      }
    } else look = { ...look, ...CHANGES[number] };
  }
  return look;
}

/** `5;N` and `2;R;G;B` behind 38 or 48; how many parameters that took. */
function extended([kind, a = 0, b = 0, c = 0]: readonly number[]): [number | string | undefined, number] {
  const byte = (value: number) => Math.max(0, Math.min(255, value));
  if (kind === 5) return [byte(a), 2];
  if (kind !== 2) return [undefined, 1];
  const hex = [a, b, c].map((value) => byte(value).toString(16).padStart(2, '0')).join('');
  return [`#${hex}`, 4];
}
