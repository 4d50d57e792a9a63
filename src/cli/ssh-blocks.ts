/** A host by the names that stand in its `Host` line, and its settings in order. */
export interface HostBlock {
  readonly names: readonly string[];
  readonly settings: readonly (readonly [string, string])[];
}

/** Blocks of one gateway within a file that may hold those of several. */
interface Section {
  readonly source: string;
  readonly text: string;
}

const SECTION = /^# hoopctl: hosts of (.*)\n([\s\S]*?)^# hoopctl: end\n/gm;
const HEADER =
  '# Written by hoopctl ssh-config --install, a part for each gateway; what is added here is lost.\n';

export function blocksText(hosts: readonly HostBlock[]): string {
  return hosts
    .map(
      ({ names, settings }) =>
        `Host ${names.join(' ')}\n${settings.map(([name, value]) => `    ${name} ${value}\n`).join('')}`,
    )
    .join('');
}

/**
 * The file with this gateway's blocks in the place of those that it had there; the blocks of others stay. `hidden`: of
 * each name that a part before this one gives as well, whose it is, since ssh takes what it finds first.
 */
export function withBlocks(
  file: string,
  source: string,
  hosts: readonly HostBlock[],
): { readonly text: string; readonly hidden: ReadonlyMap<string, string> } {
  const before = [...file.matchAll(SECTION)].map(
    ([, name = '', text = '']): Section => ({ source: name, text }),
  );
  const own: Section = { source, text: blocksText(hosts) };
  const at = before.findIndex((one) => one.source === source);
  const sections = at < 0 ? [...before, own] : before.with(at, own);
  const hidden = new Map<string, string>();
  for (const one of sections.slice(0, sections.indexOf(own))) {
    const names = new Set(
      one.text.split('\n').flatMap((line) => (line.startsWith('Host ') ? line.slice(5).split(' ') : [])),
    );
    for (const name of hosts.flatMap((host) => host.names)) {
      if (names.has(name) && !hidden.has(name)) hidden.set(name, one.source);
    }
  }
  const parts = sections
    .filter(({ text }) => text !== '')
    .map((one) => `# hoopctl: hosts of ${one.source}\n${one.text}# hoopctl: end\n`);
  return { text: [HEADER, ...parts].join('\n'), hidden };
}
