import { Chalk, type ChalkInstance } from 'chalk';

export type Paint = ChalkInstance;
export type ColourLevel = 0 | 1 | 2 | 3;

/** Colour only on a terminal; `NO_COLOR` (no-color.org) and `FORCE_COLOR` (as Node reads it) decide first. */
export function colourLevel(isTTY: boolean, env: Readonly<Record<string, string | undefined>>): ColourLevel {
  const forced = env.FORCE_COLOR;
  if (forced !== undefined) {
    if (forced === '0' || forced === 'false') return 0;
    return forced === '2' ? 2 : forced === '3' ? 3 : 1;
  }
  if (env.NO_COLOR !== undefined && env.NO_COLOR !== '') return 0;
  return isTTY && env.TERM !== 'dumb' ? 1 : 0;
}

export function createPaint(level: ColourLevel): Paint {
  return new Chalk({ level });
}
