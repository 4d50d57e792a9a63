/** People with several identities, as the policy's `identity: people:` names them. */
export type People = Readonly<Record<string, readonly string[]>>;

/** Every name of the person that this identity is, its own among them. */
export type NamesOf = (identity: string) => ReadonlySet<string>;

export function compilePeople(people: People): NamesOf {
  const byName = new Map<string, ReadonlySet<string>>();
  for (const identities of Object.values(people)) {
    const names = new Set(identities);
    for (const name of names) byName.set(name, names);
  }
  return (identity) => byName.get(identity) ?? new Set([identity]);
}

/** One name for each person: the first that is listed, else its own. */
export function personOf(namesOf: NamesOf, identity: string): string {
  for (const name of namesOf(identity)) return name;
  return identity;
}

/** Two identities that look like one person and count as two, because nothing says that they are one. */
export interface Lookalikes {
  readonly local: string;
  readonly other: string;
}

/** What of an identity tells whether it looks like another. */
interface Looks {
  readonly name: string;
  readonly roles: readonly string[];
  readonly kind?: 'person' | 'machine';
}

/** Pairs with the same name before the `@` of which one may decide what the other asks. */
export function lookalikes(identities: readonly Looks[], namesOf: NamesOf): readonly Lookalikes[] {
  const people = identities.filter(({ kind }) => kind !== 'machine');
  const decides = ({ roles }: Looks) => roles.includes('approver') || roles.includes('owner');
  return people.flatMap((other) => {
    const short = other.name.split('@')[0] ?? '';
    if (short === other.name) return [];
    return people
      .filter((local) => local.name.toLowerCase() === short && !namesOf(local.name).has(other.name))
      .filter((local) => decides(local) || decides(other))
      .map((local) => ({ local: local.name, other: other.name }));
  });
}

/** What to write so that they count as one. */
export function linkWords({ local, other }: Lookalikes): string {
  return `identity: {people: {${local}: [${local}, ${other}]}}`;
}
