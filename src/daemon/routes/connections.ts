import { Conflict, UsageError } from '../../base/errors.ts';
import { newId } from '../../base/ids.ts';
import type { ConnectionReport } from '../../protocols/connection-report.ts';
import type { Protocol } from '../../protocols/protocol.ts';
import { parseReference } from '../../secret/references.ts';
import type { ConnectionRow } from '../../store/store.ts';
import { findConnection } from '../find-rows.ts';
import type { Parts } from '../parts.ts';
import { grantsChanges } from '../policy-loading.ts';
import { connectionView } from '../views.ts';
import type { Handlers } from './handler.ts';
import { requireOwnMachine } from './host-references.ts';

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

/** A credential as a caller gave it: a secret to keep, a reference to where it is kept, or none. */
interface GivenCredential {
  readonly secret: string | undefined;
  readonly reference: string | undefined;
  readonly warning: string | undefined;
}

/** Named targets and how their credentials are kept. */
export function connectionRoutes(parts: Parts): Routes {
  const { audit, clock, endpoints, live, policy, store, targets, vault } = parts;

  const view = (row: ConnectionRow, caller: Parameters<typeof connectionView>[3]) =>
    connectionView(row, targets.find(row), policy.get(), caller);

  async function report(row: ConnectionRow, credential: GivenCredential): Promise<ConnectionReport> {
    const { secret, reference } = credential;
    const known = secret ?? (reference === undefined ? undefined : await vault.read(reference));
    const found = await targets.protocolOf(row).test(row.settings, known);
    return { ...found, warnings: [...found.warnings, ...roleWarnings(row, found)] };
  }

  /** Where the role could do more than anyone is let. */
  function roleWarnings(row: ConnectionRow, found: ConnectionReport): string[] {
    if (found.superuser) {
      return [
        `${found.role} is a superuser: a mistake in the policy would open everything; use a narrower role`,
      ];
    }
    const text = policy.row()?.text;
    if (!found.canWrite || text === undefined || grantsChanges(text, row)) return [];
    return [
      `${found.role} may write, but no rule lets anybody write on ${row.name}: a read-only role is enough`,
    ];
  }

  /** Keeps a secret in the vault; what it answers goes into the row. */
  async function keep(row: ConnectionRow, credential: GivenCredential) {
    if (credential.secret === undefined) return { secretRef: credential.reference, stored: null };
    // Beside the old one, which stays good until the row names the new one.
    const account = `${row.id}.${clock.now().toString(36)}`;
    const secretRef = await vault.store(account, credential.secret);
    const backend = await vault.backend();
    const warnings = [credential.warning, backend.warning].filter((warning) => warning !== undefined);
    const warning = warnings.length === 0 ? null : warnings.join('; ');
    return { secretRef, stored: { backend: backend.kind, warning } };
  }

  /** A secret whose row could not be written is nobody's. */
  async function withSecret<T>(reference: string | undefined, write: () => Promise<T>): Promise<T> {
    try {
      return await write();
    } catch (error) {
      if (reference !== undefined) await vault.remove(reference);
      throw error;
    }
  }

  /** Sessions over the old credential or address must not go on. */
  function cutSessions(row: ConnectionRow, reason: string): number {
    const cut = live.cut((session) => session.connectionId === row.id, reason);
    endpoints.close((endpoint) => endpoint.connectionId === row.id, reason);
    targets.drop(row.id);
    return cut;
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
      return report(row, { secret: undefined, reference: row.secretRef, warning: undefined });
    },

    async connectionAdd({ caller, body, origin }) {
      requireOwnMachine(body.secretRef, origin);
      const taken = await store.connections.find(body.name);
      if (taken?.name === body.name) throw nameTaken(body.name);
      const protocol = protocolFor(parts.protocols, body.url);
      const parsed = protocol.parseUrl(body.url, body.configuration);
      const credential = givenCredential(body, parsed);
      const now = clock.now();
      const createdAt = new Date(now).toISOString();
      const draft: ConnectionRow = {
        id: newId('c', now),
        name: body.name,
        protocol: protocol.name,
        settings: await pinned(protocol, parsed.settings, body.acceptHostKey),
        secretRef: undefined,
        labels: body.labels,
        createdAt,
        updatedAt: createdAt,
      };
      const found = body.test ? await report(draft, credential) : null;
      const { secretRef, stored } = await keep(draft, credential);
      const row = { ...draft, secretRef };
      const entry = await withSecret(stored === null ? undefined : secretRef, async () => {
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
      requireOwnMachine(body.secretRef, origin);
      const before = await findConnection(store, param('name'));
      const protocol =
        body.url === undefined ? targets.protocolOf(before) : protocolFor(parts.protocols, body.url);
      const parsed = body.url === undefined ? undefined : protocol.parseUrl(body.url, body.configuration);
      const given = givenCredential(body, parsed);
      const unchanged = given.secret === undefined && given.reference === undefined;
      const credential = unchanged ? { ...given, reference: before.secretRef } : given;
      const settings = parsed?.settings ?? before.settings;
      const draft: ConnectionRow = {
        ...before,
        protocol: protocol.name,
        settings: await pinned(protocol, settings, body.acceptHostKey),
        labels: body.labels ?? before.labels,
        // Always later than before, so that nobody takes the edited connection for the old one.
        updatedAt: new Date(Math.max(clock.now(), Date.parse(before.updatedAt) + 1)).toISOString(),
      };
      const found = body.test ? await report(draft, credential) : null;
      const { secretRef, stored } = await keep(draft, credential);
      const row = { ...draft, secretRef };
      const entry = await withSecret(stored === null ? undefined : secretRef, async () => {
        const written = audit.append({
          kind: 'connection.edited',
          actor: caller.name,
          facts: connectionFacts(row, protocol),
        });
        await store.connections.update(row);
        return written;
      });
      if (before.secretRef !== undefined && before.secretRef !== secretRef)
        await vault.remove(before.secretRef);
      const cut = cutSessions(row, `the connection ${row.name} was edited`);
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
      const entry = audit.append({
        kind: 'connection.removed',
        actor: caller.name,
        facts: { connection: row.name, id: row.id },
      });
      await store.connections.remove(row.id);
      const cut = cutSessions(row, `the connection ${row.name} was removed`);
      if (row.secretRef !== undefined) await vault.remove(row.secretRef);
      return { auditId: String(entry.seq), cutSessions: cut };
    },
  };
}

/** With the key by which the target is known from now on. Throws NotPermitted `host_key_unknown`, NotReachable. */
function pinned(protocol: Protocol, settings: string, accepted: string | undefined): Promise<string> {
  return protocol.pin === undefined ? Promise.resolve(settings) : protocol.pin(settings, accepted);
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

function givenCredential(
  body: { readonly secret?: string | undefined; readonly secretRef?: string | undefined },
  parsed: Pick<ReturnType<Protocol['parseUrl']>, 'secret' | 'secretOfFile'> | undefined,
): GivenCredential {
  if (body.secret !== undefined && body.secretRef !== undefined) {
    throw new UsageError('two_credentials', 'give the password or a reference to it, not both');
  }
  if (body.secretRef !== undefined) {
    parseReference(body.secretRef);
    return { secret: undefined, reference: body.secretRef, warning: undefined };
  }
  const inUrl = parsed?.secret;
  const secret = body.secret ?? inUrl;
  const warning =
    inUrl === undefined || parsed?.secretOfFile
      ? undefined
      : 'the URL held a password; it was taken out, but your shell history may still show it';
  return { secret, reference: undefined, warning };
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
