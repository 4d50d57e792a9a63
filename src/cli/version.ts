import { readFileSync } from 'node:fs';

/** The version in package.json, two directories above both `src/cli` and `dist/cli`. */
export function productVersion(): string {
  const file = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(file) as { version: string }).version;
}
