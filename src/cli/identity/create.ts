import type { Client } from '../../api/client.ts';
import { ROLES, type Role } from '../../api/schemas.ts';
import { UsageError } from '../../base/errors.ts';
import type { Io } from '../io.ts';
import { printDocument, say, tell } from '../output.ts';
import { shownTime } from '../times.ts';
import { visible } from '../visible-text.ts';

export interface CreateOptions {
  readonly json: boolean;
  readonly name: string;
  readonly roles: readonly string[];
  readonly groups: readonly string[];
  /** Milliseconds. */
  readonly ttl: number | undefined;
  readonly kind: 'person' | 'machine' | undefined;
}

/** The token is the last line of stdout, and nowhere else, ever again. */
export async function run(options: CreateOptions, io: Io, client: Client): Promise<void> {
  const roles = rolesOf(options.roles);
  const created = await client.call('identityCreate', {
    body: {
      name: options.name,
      roles,
      groups: options.groups.map((group) => group.trim()).filter((group) => group !== ''),
      ...(options.ttl === undefined ? {} : { ttl: options.ttl }),
      ...(options.kind === undefined ? {} : { kind: options.kind }),
    },
  });
  if (options.json) return printDocument(io, created);
  const { identity } = created;
  const groups = identity.groups.length === 0 ? '' : ` · groups ${identity.groups.join(', ')}`;
  const expiry =
    identity.expiresAt === null ? '' : ` · until ${shownTime(identity.expiresAt, io.out, io.now())}`;
  const who = visible(`${identity.name} (${identity.kind}) · ${identity.roles.join(', ')}${groups}${expiry}`);
  say(io, `${io.out.paint.green('✔')} ${who} ${io.out.paint.dim(`(audit ${created.auditId})`)}`);
  if (io.out.isTTY) tell(io, 'The token, shown this once; it goes into HOOPCTL_TOKEN:');
  say(io, created.token);
}

function rolesOf(words: readonly string[]): Role[] {
  if (words.length === 0) {
    throw new UsageError('missing_flag', 'an identity needs a role', { next: `--role ${ROLES.join(' | ')}` });
  }
  return words
    .flatMap((word) => word.split(','))
    .map((word) => {
      const role = ROLES.find((candidate) => candidate === word.trim());
      if (role !== undefined) return role;
      throw new UsageError('bad_role', `there is no role "${word}"`, { next: `--role ${ROLES.join(' | ')}` });
    });
}
