import { z } from 'zod';
import { HoopError, NotFound, NotPermitted, UsageError } from '../../base/errors.ts';
import { compilePolicy } from '../../policy/compile.ts';
import type { Policy, Requester, Stated } from '../../policy/decision.ts';
import { diffPolicies } from '../../policy/diff.ts';
import { parseExpectations, runPolicyTests } from '../../policy/expectations.ts';
import { type Explanation, explanationIdSchema } from '../../policy/explanation.ts';
import type { Target } from '../../protocols/protocol.ts';
import { policyTarget, requireMayConnect } from '../../session/open-desk.ts';
import { requesterOf, statedBy } from '../../session/requester.ts';
import type { ConnectionRow, IdentityRow } from '../../store/store.ts';
import { findConnection, findIdentity } from '../find-rows.ts';
import type { Parts } from '../parts.ts';
import { badPolicy, checkedPolicy, policyFromText } from '../policy-loading.ts';
import { hasRole } from '../views.ts';
import type { Handlers } from './handler.ts';

type Routes = Pick<
  Handlers,
  | 'policyShow'
  | 'policyCheck'
  | 'policyExplain'
  | 'policyExplainBulk'
  | 'policyTest'
  | 'policyDiff'
  | 'policyApply'
>;

const bulkLineSchema = z.object({ id: explanationIdSchema.optional(), statement: z.string() });

/** As whom, and what that one says of its work. */
type AskedAs = Stated & { readonly as?: string | undefined };

/** The policy that decides: looking, checking, explaining, applying. */
export function policyRoutes(parts: Parts): Routes {
  const { audit, clock, policy: applied, store, targets } = parts;

  /** As whom a caller may ask: itself, or anyone for those who see everything anyway. */
  async function askedAs(caller: IdentityRow, { as, ...stated }: AskedAs): Promise<Requester> {
    return { ...requesterOf(await identityAsked(caller, as)), stated: statedBy(stated) };
  }

  async function identityAsked(caller: IdentityRow, as: string | undefined): Promise<IdentityRow> {
    if (as === undefined || as === caller.name || as === caller.id) return caller;
    if (!hasRole(caller, 'owner', 'approver', 'auditor')) {
      throw new NotPermitted('role_missing', `${caller.name} may explain only its own statements`, {
        why: '--as needs the role owner, approver or auditor',
      });
    }
    return findIdentity(store, as);
  }

  /** An explanation tells what is in the catalog, so who may not connect learns nothing. */
  async function askedOf(caller: IdentityRow, name: string): Promise<ConnectionRow> {
    const connection = await findConnection(store, name);
    if (hasRole(caller, 'owner', 'approver', 'auditor')) return connection;
    const may = applied.current().mayConnect(requesterOf(caller), policyTarget(connection));
    requireMayConnect(may, caller.name, connection.name);
    return connection;
  }

  const explain = (
    target: Target,
    policy: Policy,
    requester: Requester,
    connection: ConnectionRow,
    statement: string,
  ) => target.explain(policy, requester, policyTarget(connection), statement);

  return {
    async policyShow() {
      const row = applied.row();
      if (!row) {
        throw new NotFound('no_policy', 'no policy has been applied', { next: 'hoopctl policy apply FILE' });
      }
      const { version, hash, source, text, appliedBy, appliedAt } = row;
      return { version, hash, source, text, appliedBy, appliedAt };
    },

    async policyCheck({ body }) {
      const { file, hash, problems } = await checkedPolicy(store, clock.now(), body.text, body.source);
      const ok = problems.every(({ severity }) => severity !== 'error');
      return {
        ok,
        hash: file ? hash : null,
        rules: file?.rules.length ?? 0,
        masks: file?.masks.length ?? 0,
        problems: [...problems],
      };
    },

    async policyExplain({ caller, body }) {
      const connection = await askedOf(caller, body.connection);
      const requester = await askedAs(caller, body);
      const policy = body.policy === undefined ? applied.current() : policyFromText(body.policy);
      return targets.with(connection, (target) =>
        explain(target, policy, requester, connection, body.statement),
      );
    },

    async policyExplainBulk({ caller, query, lines }) {
      const connection = await askedOf(caller, query.connection);
      const requester = await askedAs(caller, query);
      const policy = applied.current();
      const lease = await targets.lease(connection);
      async function* explanations(): AsyncGenerator<Explanation> {
        try {
          for await (const line of lines) {
            const { id, statement } = bulkLine(line);
            const explanation = await explain(lease.target, policy, requester, connection, statement);
            yield id === undefined ? explanation : { id, ...explanation };
          }
        } finally {
          lease.release();
        }
      }
      return explanations();
    },

    async policyTest({ caller, body }) {
      const expectations = parseExpectations(body.tests);
      const policy = body.policy === undefined ? applied.current() : policyFromText(body.policy);
      return runPolicyTests(expectations, async (expectation) => {
        const connection = await askedOf(caller, expectation.connection);
        const requester = await askedAs(caller, expectation);
        const explanation = await targets.with(connection, (target) =>
          explain(target, policy, requester, connection, expectation.statement),
        );
        return { outcome: explanation.decision, rule: explanation.rule ?? undefined };
      });
    },

    async policyDiff({ body }) {
      const { file, hash, problems } = await checkedPolicy(store, clock.now(), body.text, body.source);
      if (!file) throw badPolicy(problems);
      const current = applied.row();
      const { diff, summary } = diffPolicies(current?.text, body.text);
      return {
        changed: current?.hash !== hash,
        currentHash: current?.hash ?? null,
        newHash: hash,
        diff,
        summary,
      };
    },

    async policyApply({ caller, body }) {
      const { file, hash, problems } = await checkedPolicy(store, clock.now(), body.text, body.source);
      if (!file || problems.some(({ severity }) => severity === 'error')) throw badPolicy(problems);
      const before = applied.row();
      const changed = before?.hash !== hash;
      const entry = audit.append({
        kind: 'policy.applied',
        actor: caller.name,
        facts: { hash, before: before?.hash ?? null, source: body.source, rules: file.rules.length, changed },
      });
      const row =
        changed || !before
          ? await store.policies.apply({
              hash,
              text: body.text,
              source: body.source,
              appliedBy: caller.name,
              appliedAt: new Date(clock.now()).toISOString(),
            })
          : before;
      if (changed) applied.replace(compilePolicy(file, hash), row);
      return { version: row.version, hash, changed, problems: [...problems], auditId: String(entry.seq) };
    },
  };
}

function bulkLine(line: string): z.infer<typeof bulkLineSchema> {
  try {
    return bulkLineSchema.parse(JSON.parse(line));
  } catch (error) {
    if (error instanceof HoopError) throw error;
    throw new UsageError('bad_bulk_line', 'a line is not {"id": …, "statement": …}', {
      why: line.slice(0, 200),
    });
  }
}
