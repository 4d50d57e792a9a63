import { spawn } from 'node:child_process';
import type { Io } from '../io.ts';

/** Opens a web page where the platform has a way to; nothing happens where it has none. */
export function openBrowser(url: string, io: Io, platform: NodeJS.Platform = process.platform): void {
  // What a provider sends becomes an argument of a program: a web address and nothing else.
  if (!/^https?:\/\/[^\s"'`$\\<>|;]+$/.test(url)) return;
  const { args, program } = openerOf(url, io.env.BROWSER, platform);
  const child = spawn(program, args, { stdio: 'ignore', detached: true });
  // The address stands on the terminal as well.
  child.on('error', () => {});
  child.unref();
}

function openerOf(
  url: string,
  browser: string | undefined,
  platform: NodeJS.Platform,
): { readonly program: string; readonly args: readonly string[] } {
  if (browser !== undefined && browser !== '') return { program: browser, args: [url] };
  if (platform === 'darwin') return { program: 'open', args: [url] };
  if (platform === 'win32') return { program: 'explorer.exe', args: [url] };
  return { program: 'xdg-open', args: [url] };
}
