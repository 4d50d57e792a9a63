/** An identifier in quotes, whatever is in it (PostgreSQL docs 4.1.1). */
export function quotedName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
