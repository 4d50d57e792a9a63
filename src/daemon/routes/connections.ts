import { Conflict, UsageError } from '../../base/errors.ts';
import { newId } from '../../base/ids.ts';
import type { ConnectionReport } from '../../protocols/connection-report.ts';
import type { Protocol } from '../../protocols/protocol.ts';
import type { ConnectionRow } from '../../store/store.ts';
import { findConnection } from '../find-rows.ts';
import type { Parts } from '../parts.ts';
import { grantsChanges } from '../policy-loading.ts';
import { connectionView } from '../views.ts';
import { leadThrough, meansOf, wayTo } from '../ways.ts';
import {
  credentialAfter,
  type GivenCredential,
  type GivenSecret,
  givenCredential,
  keepCredential,
} from './connection-credentials.ts';
import type { Handlers } from './handler.ts';
import { requireOwnMachine, requireOwnSettings } from './host-references.ts';

type Routes = Pick<
  Handlers,
  | 'connectionList'
  | 'connectionAdd'
  | 'connectionShow'
  | 'connectionTest'
  | 'connectionOutline'
  | 'connectionEdit'
  | 'connectionRemove'
>;

/** Named targets and how their credentials are kept. */
export function connectionRoutes(parts: Parts): Routes {
  const { audit, board, clock, endpoints, live, policy, store, targets, vault } = parts;

  const view = (row: ConnectionRow, caller: Parameters<typeof connectionView>[3]) =>
    connectionView(row, targets.find(row), policy.get(), caller);

  const ways = { store, vault };

  const secretOf = async ({ reference, secret }: GivenSecret) =>
    secret ?? (reference === undefined ? undefined : vault.read(reference));

  /** What a row that is not kept yet has beside its settings and its secret. */
  const draftMeans = (row: ConnectionRow, { passphrase }: GivenCredential) =>
    meansOf(ways, { protocol: row.protocol, passphraseRef: passphrase.reference }, passphrase.secret);

  async function report(row: ConnectionRow, credential: GivenCredential): Promise<ConnectionReport> {
    const known = await secretOf(credential.own);
    const means = draftMeans(row, credential);
    const found = await targets.protocolOf(row).test(row.settings, known, means);
    return { ...found, warnings: [...found.warnings, ...roleWarnings(row, found)] };
  }

  /** Where the role could do more than anyone is let. */
  function roleWarnings(row: ConnectionRow, found: ConnectionReport): string[] {
    if (found.superuser) {
      return [
        `${found.role} is a superuser: a mistake in the policy would open everything; use one that may do less`,
      ];
    }
    const text = policy.row()?.text;
    if (!found.canWrite || text === undefined || grantsChanges(text, row)) return [];
    return [
      `${found.role} may write, but no rule lets anybody write on ${row.name}: a read-only role is enough`,
    ];
  }

  const accountOf = (row: ConnectionRow) => `${row.id}.${clock.now().toString(36)}`;

  /** Secrets whose row could not be written are nobody's. */
  async function withSecrets<T>(references: readonly string[], write: () => Promise<T>): Promise<T> {
    try {
      return await write();
    } catch (error) {
      for (const reference of references) await vault.remove(reference);
      throw error;
    }
  }

  /** Secrets that a row named and no longer names. */
  async function removeSecrets(before: ConnectionRow, after?: ConnectionRow): Promise<void> {
    const kept = [after?.secretRef, after?.passphraseRef];
    for (const reference of [before.secretRef, before.passphraseRef]) {
      if (reference !== undefined && !kept.includes(reference)) await vault.remove(reference);
    }
  }

  /** Sessions over the old credential or address must not go on, nor those that lead through it. */
  async function cutSessions(row: ConnectionRow, reason: string): Promise<number> {
    const through = await leadThrough(store, (one) => targets.find(one), row);
    const ids = new Set([row.id, ...through.map(({ id }) => id)]);
    const cut = live.cut((session) => ids.has(session.connectionId), reason);
    endpoints.close((endpoint) => ids.has(endpoint.connectionId), reason);
    for (const id of ids) targets.drop(id);
    // They were approved for where the connection led.
    await board.withdrawThose(({ connectionId }) => ids.has(connectionId), reason);
    return cut;
  }

  /** With the key by which the target is known from now on. Throws NotPermitted `host_key_unknown`, NotReachable. */
  async function pinned(
    protocol: Protocol,
    draft: ConnectionRow,
    credential: GivenCredential,
    accepted: { readonly key: string | undefined; readonly anew: boolean },
  ): Promise<ConnectionRow> {
    await wayTo(ways, protocol, draft);
    if (protocol.pin === undefined) return draft;
    const means = draftMeans(draft, credential);
    return { ...draft, settings: await protocol.pin(draft.settings, accepted.key, means, accepted.anew) };
  }

  /** Throws Conflict `connection_in_use` for one that others lead through. */
  async function requireUnused(row: ConnectionRow): Promise<void> {
    const through = await leadThrough(store, (one) => targets.find(one), row);
    if (through.length === 0) return;
    const names = through.map(({ name }) => name);
    throw new Conflict('connection_in_use', `${names.join(', ')} can be reached through ${row.name} alone`, {
      next: `hoopctl connection edit ${names[0]} --url URL, or remove it first`,
    });
  }

  return {
    async connectionList({ caller }) {
      const rows = await store.connections.list();
      return { connections: rows.map((row) => view(row, caller)) };
    },

    async connectionShow({ caller, param }) {
      return view(await findConnection(store, param('name')), caller);
    },

    async connectionOutline({ param, body }) {
      const protocol = targets.protocolOf(await findConnection(store, param('name')));
      const statements = await protocol.outlineScript?.(body.text);
      return { statements: statements ? [...statements] : null };
    },

    async connectionTest({ param }) {
      const row = await findConnection(store, param('name'));
      return report(row, credentialAfter(row, givenCredential({}, undefined)));
    },

    async connectionAdd({ caller, body, origin }) {
      requireOwnMachine(body.secretRef ?? body.passphraseRef, origin);
      const taken = await store.connections.find(body.name);
      if (taken?.name === body.name) throw nameTaken(body.name);
      const protocol = protocolFor(parts.protocols, body.url);
      const parsed = protocol.parseUrl(body.url, body.configuration);
      const credential = givenCredential(body, parsed);
      const now = clock.now();
      const createdAt = new Date(now).toISOString();
      requireOwnSettings(protocol, parsed.settings, origin);
      const draft: ConnectionRow = {
        id: newId('c', now),
        name: body.name,
        protocol: protocol.name,
        settings: parsed.settings,
        secretRef: undefined,
        labels: body.labels,
        createdAt,
        updatedAt: createdAt,
      };
      const known = await pinned(protocol, draft, credential, { key: body.acceptHostKey, anew: false });
      const found = body.test ? await report(known, credential) : null;
      const { fresh, stored, ...kept } = await keepCredential(vault, accountOf(draft), credential);
      const row = { ...known, ...kept };
      const entry = await withSecrets(fresh, async () => {
        const written = audit.append({
          kind: 'connection.added',
          actor: caller.name,
          facts: connectionFacts(row, protocol),
        });
        await store.connections.create(row);
        return written;
      });
      const auditId = String(entry.seq);
      return { connection: view(row, caller), report: found, stored, cutSessions: 0, auditId };
    },

    async connectionEdit({ caller, param, body, origin }) {
      requireOwnMachine(body.secretRef ?? body.passphraseRef, origin);
      const before = await findConnection(store, param('name'));
      const protocol =
        body.url === undefined ? targets.protocolOf(before) : protocolFor(parts.protocols, body.url);
      const parsed = body.url === undefined ? undefined : protocol.parseUrl(body.url, body.configuration);
      const credential = credentialAfter(before, givenCredential(body, parsed));
      if (parsed !== undefined) requireOwnSettings(protocol, parsed.settings, origin);
      const draft: ConnectionRow = {
        ...before,
        protocol: protocol.name,
        settings: parsed?.settings ?? before.settings,
        labels: body.labels ?? before.labels,
        // Always later than before, so that nobody takes the edited connection for the old one.
        updatedAt: new Date(Math.max(clock.now(), Date.parse(before.updatedAt) + 1)).toISOString(),
      };
      // Without another URL, what is accepted takes the place of what was known.
      const accepted = { key: body.acceptHostKey, anew: body.url === undefined };
      const known = await pinned(protocol, draft, credential, accepted);
      const found = body.test ? await report(known, credential) : null;
      const { fresh, stored, ...kept } = await keepCredential(vault, accountOf(draft), credential);
      const row = { ...known, ...kept };
      const entry = await withSecrets(fresh, async () => {
        const written = audit.append({
          kind: 'connection.edited',
          actor: caller.name,
          facts: connectionFacts(row, protocol),
        });
        await store.connections.update(row);
        return written;
      });
      await removeSecrets(before, row);
      const cut = await cutSessions(row, `the connection ${row.name} was edited`);
      return {
        connection: view(row, caller),
        report: found,
        stored,
        cutSessions: cut,
        auditId: String(entry.seq),
      };
    },

    async connectionRemove({ caller, param }) {
      const row = await findConnection(store, param('name'));
      await requireUnused(row);
      const entry = audit.append({
        kind: 'connection.removed',
        actor: caller.name,
        facts: { connection: row.name, id: row.id },
      });
      await store.connections.remove(row.id);
      const cut = await cutSessions(row, `the connection ${row.name} was removed`);
      await removeSecrets(row);
      return { auditId: String(entry.seq), cutSessions: cut };
    },
  };
}

/** By the URL's scheme; text without one is libpq's keyword form, which is PostgreSQL's. */
function protocolFor(protocols: readonly Protocol[], url: string): Protocol {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(url.trim())?.[1]?.toLowerCase() ?? 'postgres';
  const protocol = protocols.find(({ schemes }) => schemes.includes(scheme));
  if (protocol) return protocol;
  const known = protocols.flatMap(({ schemes }) => schemes.map((name) => `${name}://`));
  throw new UsageError('unknown_scheme', `hoopctl does not speak ${scheme}`, {
    next: `give a URL that begins with ${known.join(', ')}`,
  });
}

function connectionFacts(row: ConnectionRow, protocol: Protocol): Readonly<Record<string, unknown>> {
  return {
    connection: row.name,
    id: row.id,
    target: protocol.describe(row.settings),
    labels: row.labels,
    credential: row.secretRef?.split(':', 1)[0] ?? null,
  };
}

function nameTaken(name: string): Conflict {
  return new Conflict('connection_name_taken', `there is a connection ${name} already`, {
    next: `hoopctl connection edit ${name}, or take another name`,
  });
}
