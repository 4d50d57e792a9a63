import { openSignIns } from '../../login/open.ts';
import type { Io } from '../io.ts';
import { printDocument, say, warn } from '../output.ts';
import { visible } from '../visible-text.ts';

/** From now on commands go there. */
export function run(
  options: { readonly home: string; readonly json: boolean; readonly name: string },
  io: Io,
): void {
  const { contexts } = openSignIns(options.home, io.env);
  contexts.use(options.name);
  const { gateway, name } = contexts.require(options.name);
  if (io.env.HOOPCTL_GATEWAY) warn(io, 'HOOPCTL_GATEWAY is set and goes first');
  if (options.json) return printDocument(io, { inUse: name, url: gateway?.url ?? null });
  say(io, `commands go to ${visible(name)} (${visible(gateway?.url ?? 'this machine')})`);
}
