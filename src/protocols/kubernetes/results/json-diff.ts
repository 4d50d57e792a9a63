/** Fields that the server keeps for itself and that say nothing about the change. */
const NOISE: ReadonlySet<string> = new Set([
  'metadata.managedFields',
  'metadata.resourceVersion',
  'metadata.generation',
  'metadata.uid',
  'metadata.creationTimestamp',
  'metadata.selfLink',
]);
/** Lines that an approver is shown; the statement itself is on the card in full. */
const MOST_LINES = 200;
const LONGEST_VALUE = 200;

/** What differs between two JSON objects, one line a field: `- spec.replicas: 1`, `+ spec.replicas: 3`. */
export function jsonDiff(before: string, after: string): readonly string[] {
  const old = leaves(JSON.parse(before), '', new Map());
  const now = leaves(JSON.parse(after), '', new Map());
  const lines: string[] = [];
  for (const [path, value] of now) {
    if (old.get(path) === value) continue;
    const was = old.get(path);
    if (was !== undefined) lines.push(`- ${path}: ${was}`);
    lines.push(`+ ${path}: ${value}`);
  }
  for (const [path, value] of old) if (!now.has(path)) lines.push(`- ${path}: ${value}`);
  if (lines.length <= MOST_LINES) return lines;
  return [...lines.slice(0, MOST_LINES), `and ${lines.length - MOST_LINES} more lines`];
}

function leaves(value: unknown, path: string, found: Map<string, string>): Map<string, string> {
  if (NOISE.has(path)) return found;
  if (typeof value !== 'object' || value === null || Object.keys(value).length === 0) {
    if (path !== '') found.set(path, shortened(JSON.stringify(value)));
    return found;
  }
  for (const [key, inner] of Object.entries(value)) {
    leaves(inner, path === '' ? key : `${path}.${key}`, found);
  }
  return found;
}

function shortened(text: string): string {
  return text.length <= LONGEST_VALUE ? text : `${text.slice(0, LONGEST_VALUE)}… (${text.length} characters)`;
}
