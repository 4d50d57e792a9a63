import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Hold } from '../../../src/session/desk.ts';
import { spend } from '../../../src/session/judged.ts';
import type { LiveDesk } from '../../../src/session/live-desk.ts';
import type { IdentityRow } from '../../../src/store/store.ts';
import { cardOf, makeWorld, POLICY, statement, type World } from './world.ts';

let world: World;
let desk: LiveDesk;
let devin: IdentityRow;
let ana: IdentityRow;
let bob: IdentityRow;
const present = async () => undefined;
const APPROVE = { decision: 'approve', reason: undefined, version: 1 } as const;

beforeEach(async () => {
  world = await makeWorld();
  devin = await world.identity('devin');
  ana = await world.identity('ana', ['approver']);
  bob = await world.identity('bob', ['approver']);
  desk = await world.open(devin);
});
afterEach(() => world.end());

const hold = (text = 'write customers', parts: readonly string[] = [text]): Promise<Hold> =>
  desk.hold(statement(desk, text), cardOf(text), () => parts);
const kinds = () => world.entries().map(({ kind }) => kind);

describe('a held statement', () => {
  test('runs once after an approval, every step written before it', async () => {
    const held = await hold();
    expect(held).toMatchObject({ rule: 'writes', approvers: ['group:dba'], expiresIn: 900_000 });
    await world.board.decide(held.id, ana, APPROVE, present);
    const outcome = await held.outcome;
    if (outcome.outcome !== 'approved') throw new Error(outcome.outcome);
    expect(outcome.by).toBe('ana');
    spend(outcome.judged);
    expect(() => spend(outcome.judged)).toThrow();
    expect(await world.store.approvals.find(held.id)).toMatchObject({ status: 'used' });
    expect(kinds().slice(-4)).toEqual([
      'statement',
      'approval.requested',
      'approval.decided',
      'approval.used',
    ]);
    const values = (await world.frames(desk.id)).slice(1).map(({ value }) => value);
    expect(values).toMatchObject([
      { text: 'write customers', outcome: 'approve', approval: held.id },
      { id: held.id, status: 'approved', by: 'ana' },
    ]);
    expect(desk.row()).toMatchObject({ statements: 1, approved: 1 });
  });

  test('does not run after a denial, whose reason reaches the requester', async () => {
    const held = await hold();
    await world.board.decide(held.id, bob, { decision: 'deny', reason: 'not today', version: 1 }, present);
    expect(await held.outcome).toEqual({ outcome: 'denied', by: 'bob', reason: 'not today' });
    expect(desk.row().denied).toBe(1);
  });

  test('expires by the clock that never runs backwards', async () => {
    const held = await hold();
    world.clock.setWall(world.clock.now() - 3_600_000);
    world.clock.advance(900_000);
    expect(await held.outcome).toEqual({ outcome: 'expired' });
    await expect(world.board.decide(held.id, ana, APPROVE, present)).rejects.toMatchObject({
      code: 'approval_not_pending',
    });
    expect(world.clock.timers).toBe(0);
  });

  test('cannot be decided once the clock was set past its expiry', async () => {
    const held = await hold();
    world.clock.setWall(world.clock.now() + 3_600_000);
    await expect(world.board.decide(held.id, ana, APPROVE, present)).rejects.toMatchObject({
      code: 'approval_expired',
    });
    world.clock.advance(900_000);
    expect(await held.outcome).toEqual({ outcome: 'expired' });
  });

  test('is withdrawn when its client goes away, and nobody can approve it then', async () => {
    const held = await hold();
    held.withdraw('the client disconnected');
    expect(await held.outcome).toEqual({ outcome: 'withdrawn', reason: 'the client disconnected' });
    await expect(world.board.decide(held.id, ana, APPROVE, present)).rejects.toMatchObject({
      kind: 'conflict',
    });
  });

  test('is withdrawn when its session is cut', async () => {
    const held = await hold();
    desk.cut('the identity devin was revoked');
    expect(await held.outcome).toMatchObject({ outcome: 'withdrawn' });
  });

  test('is withdrawn when the policy changes', async () => {
    const held = await hold();
    await world.apply(`${POLICY}# another hash\n`);
    expect(await held.outcome).toEqual({ outcome: 'withdrawn', reason: 'the policy changed' });
  });

  test('does not run when the session changed between question and answer', async () => {
    let path = 'public';
    const held = await desk.hold(statement(desk, 'write customers'), cardOf('write customers'), () => [path]);
    path = 'evil, public';
    await world.board.decide(held.id, ana, APPROVE, present);
    expect(await held.outcome).toEqual({
      outcome: 'withdrawn',
      reason: 'the session changed since approval was asked',
    });
    expect(await world.store.approvals.find(held.id)).toMatchObject({ status: 'withdrawn' });
    expect(kinds()).not.toContain('approval.used');
  });

  test('does not run when its approval cannot be stored as used', async () => {
    const held = await hold();
    const { transition } = world.store.approvals;
    world.store.approvals.transition = (id, version, change) =>
      change.status === 'used'
        ? Promise.resolve(false)
        : transition.call(world.store.approvals, id, version, change);
    await world.board.decide(held.id, ana, APPROVE, present);
    expect(await held.outcome).toMatchObject({ outcome: 'refused' });
  });
});

describe('a held statement whose books fail', () => {
  const failing = (kind: string) => {
    const append = world.audit.append.bind(world.audit);
    world.audit.append = (event) => {
      if (event.kind === kind) throw new Error('no space left on device');
      return append(event);
    };
  };

  test('is not approved when the audit log cannot be written at that moment', async () => {
    const held = await hold();
    failing('approval.decided');
    await expect(world.board.decide(held.id, ana, APPROVE, present)).rejects.toThrow('no space left');
    expect(await world.board.find(held.id)).toMatchObject({ status: 'pending', decisions: [] });
    desk.cut('killed');
    expect(await held.outcome).toMatchObject({ outcome: 'withdrawn' });
  });

  test('does not run when the audit log cannot be written once it was approved', async () => {
    const held = await hold();
    failing('approval.used');
    await world.board.decide(held.id, ana, APPROVE, present);
    expect(await held.outcome).toMatchObject({ outcome: 'refused', reason: 'no space left on device' });
  });
});

describe('a decision', () => {
  test('of two that race has one winner, and the other is told', async () => {
    const held = await hold();
    const [first, second] = await Promise.allSettled([
      world.board.decide(held.id, ana, APPROVE, present),
      world.board.decide(held.id, bob, { decision: 'deny', reason: 'no', version: 1 }, present),
    ]);
    expect([first.status, second.status]).toEqual(['fulfilled', 'rejected']);
    expect(second.status === 'rejected' && second.reason.message).toContain('already');
    expect(await held.outcome).toMatchObject({ outcome: 'approved', by: 'ana' });
  });

  test('of another process that came first in the store wins', async () => {
    const held = await hold();
    world.store.approvals.transition = () => Promise.resolve(false);
    await expect(world.board.decide(held.id, ana, APPROVE, present)).rejects.toMatchObject({
      code: 'approval_changed',
    });
    expect(kinds().slice(-2)).toEqual(['approval.decided', 'approval.refused']);
  });

  test('is never the requester’s own, and its passphrase is not even looked at', async () => {
    const both = await world.identity('carol', ['requester', 'approver', 'owner']);
    await world.apply(POLICY.replace('dba: [ana, bob]', 'dba: [ana, bob, carol]'));
    const own = await world.open(both);
    const held = await own.hold(statement(own, 'write x'), cardOf('write x', 'carol'), () => ['x']);
    let asked = false;
    const prove = () => {
      asked = true;
      return Promise.resolve(undefined);
    };
    await expect(world.board.decide(held.id, both, APPROVE, prove)).rejects.toMatchObject({
      code: 'self_approval',
    });
    expect(asked).toBe(false);
    expect(world.entries().at(-1)).toMatchObject({
      kind: 'approval.refused',
      actor: 'carol',
      facts: { approval: held.id, code: 'self_approval' },
    });
  });

  test('needs the decider’s presence', async () => {
    const held = await hold();
    const absent = () => Promise.reject(new Error('wrong passphrase'));
    await expect(world.board.decide(held.id, ana, APPROVE, absent)).rejects.toThrow('wrong passphrase');
    expect(await world.board.find(held.id)).toMatchObject({ status: 'pending' });
  });

  test('does not count when the decider was revoked while the passphrase was checked', async () => {
    const held = await hold();
    const expired = { ...ana, expiresAt: new Date(world.clock.now() + 1).toISOString() };
    const slow = async () => {
      world.clock.advance(10);
      return undefined;
    };
    await expect(world.board.decide(held.id, expired, APPROVE, slow)).rejects.toMatchObject({
      kind: 'login-needed',
    });
  });

  test('does not count when the decider lost its role, or was revoked, while its presence was checked', async () => {
    const held = await hold();
    const lost = async () => ({ ...ana, roles: [] });
    await expect(world.board.decide(held.id, ana, APPROVE, lost)).rejects.toMatchObject({
      code: 'role_missing',
    });
    const revoked = async () => ({ ...ana, revokedAt: new Date(world.clock.now()).toISOString() });
    await expect(world.board.decide(held.id, ana, APPROVE, revoked)).rejects.toMatchObject({
      kind: 'login-needed',
    });
    expect(await world.board.find(held.id)).toMatchObject({ status: 'pending', decisions: [] });
  });

  test('of two different people is needed where the rule says two', async () => {
    await world.apply(POLICY.replace('    expires: 15m\n', '    expires: 15m\n    approvals: 2\n'));
    const held = await hold();
    await world.board.decide(held.id, ana, APPROVE, present);
    await expect(world.board.decide(held.id, ana, { ...APPROVE, version: 2 }, present)).rejects.toMatchObject(
      { code: 'already_decided' },
    );
    await world.board.decide(held.id, bob, { ...APPROVE, version: 2 }, present);
    expect(await held.outcome).toMatchObject({ outcome: 'approved', by: 'ana, bob' });
  });

  test('does not count when its decider is revoked before the other one decides', async () => {
    await world.apply(POLICY.replace('    expires: 15m\n', '    expires: 15m\n    approvals: 2\n'));
    const held = await hold();
    await world.board.decide(held.id, ana, APPROVE, present);
    await world.store.identities.revoke(ana.id, new Date(world.clock.now()).toISOString());
    await world.board.decide(held.id, bob, { ...APPROVE, version: 2 }, present);
    expect(await held.outcome).toEqual({
      outcome: 'withdrawn',
      reason: 'ana, who approved it, was revoked',
    });
    expect(kinds()).not.toContain('approval.used');
  });
});

describe('a request', () => {
  test('that nobody could approve is refused at once, and that is on the record', async () => {
    await world.apply(POLICY.replace('dba: [ana, bob]', 'dba: [zoe]'));
    await expect(hold()).rejects.toMatchObject({ code: 'no_approver', rule: 'writes' });
    expect((await world.frames(desk.id)).at(-1)?.value).toMatchObject({ outcome: 'block' });
    expect(desk.row()).toMatchObject({ statements: 1, blocked: 1 });
    expect(world.board.size).toBe(0);
  });

  test('of a flood is refused', async () => {
    for (let i = 0; i < 20; i++) await hold(`write t${i}`);
    await expect(hold('write more')).rejects.toMatchObject({ code: 'too_many_pending' });
  });

  test('is told to watchers at each change', async () => {
    const seen: string[] = [];
    const stop = world.board.watch((request) => seen.push(request.status));
    const held = await hold();
    await world.board.decide(held.id, ana, APPROVE, present);
    await held.outcome;
    stop();
    expect(seen).toEqual(['pending', 'approved', 'used']);
  });

  test('whose session was cut while it was stored runs nothing', async () => {
    const asking = hold();
    desk.cut('killed');
    expect(await (await asking).outcome).toMatchObject({ outcome: 'withdrawn', reason: 'killed' });
  });
});
