import { nameProblem, sharedGroupProblems } from './check-names.ts';
import { principalProblems } from './check-references.ts';
import type { Checked } from './known.ts';
import { compilePeople, linkWords, lookalikes } from './people.ts';
import { type Problem, problemAt } from './problem.ts';

/** Who may come, and in which groups: what the sections `identity` and `groups` say that does not fit what exists. */
export function identityProblems(checked: Checked): Problem[] {
  const { on_behalf_of, roles } = checked.file.identity;
  return [
    ...groupProblems(checked),
    ...Object.entries(roles).flatMap(([role, who]) =>
      principalProblems(checked, who, ['identity', 'roles', role], `role "${role}"`),
    ),
    ...on_behalf_of.flatMap(({ who }, i) =>
      principalProblems(checked, who, ['identity', 'on_behalf_of', i, 'who'], 'on_behalf_of'),
    ),
    ...sharedGroupProblems(checked.file),
    ...lookalikeProblems(checked),
    ...domainProblems(checked),
  ];
}

function groupProblems({ file, known }: Checked): Problem[] {
  return Object.entries(file.groups).flatMap(([group, members]) =>
    members.flatMap((member, i) => {
      const words = nameProblem(member, known);
      if (words === undefined) return [];
      return [problemAt('warning', file.locate(['groups', group, i]), `group "${group}": ${words}`)];
    }),
  );
}

function lookalikeProblems({ file, known }: Checked): Problem[] {
  const at = file.locate(['identity', 'people']) ?? file.locate(['identity']);
  return lookalikes(known.identities, compilePeople(file.identity.people)).map((pair) => {
    const words = `${pair.local} and ${pair.other} look like one person and count as two`;
    return problemAt('warning', at, `${words}; if they are one: ${linkWords(pair)}`);
  });
}

/** A local identity of such a name would stand in the way of the issuer's. */
function domainProblems({ file, known }: Checked): Problem[] {
  const { issuers, saml } = file.identity;
  const sources = [
    ...issuers.map((issuer, i) => ({ issuer, path: ['issuers', i] })),
    ...saml.map((issuer, i) => ({ issuer, path: ['saml', i] })),
  ];
  return sources.flatMap(({ issuer, path }) =>
    known.identities
      .filter(({ local, name }) => local === true && name.endsWith(`@${issuer.domain}`))
      .map(({ name }) => {
        const at = file.locate(['identity', ...path, 'domain']);
        const words = `the local identity ${name} has a name of its domain; revoke it`;
        return problemAt('error', at, `issuer "${issuer.name}": ${words}`);
      }),
  );
}
