import { hash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ApprovalRequest } from '../../../src/approval/request.ts';
import { approvalsEnded } from '../../../src/audit/approvals-ended.ts';
import { ApprovalBoard } from '../../../src/session/approval-board.ts';
import type { WholeText } from '../../../src/session/desk.ts';
import { spend } from '../../../src/session/judged.ts';
import type { LiveDesk } from '../../../src/session/live-desk.ts';
import { openDesk } from '../../../src/session/open-desk.ts';
import type { IdentityRow } from '../../../src/store/store.ts';
import { cardOf, makeWorld, POLICY, statement, type World } from './world.ts';

const TEXT = 'write customers';
const MEANING = hash('sha256', 'what it means', 'hex');
const EFFECTS = ['write: public.customers'];
const present = async () => undefined;

let world: World;
let devin: IdentityRow;
let ana: IdentityRow;
beforeEach(async () => {
  world = await makeWorld();
  devin = await world.identity('devin');
  ana = await world.identity('ana', ['approver']);
  await world.identity('bob', ['approver']);
});
afterEach(() => world.end());

async function ask(
  text = TEXT,
  pieces = [{ start: 0, end: text.length, line: 1 }],
): Promise<ApprovalRequest> {
  const { request } = await world.board.request(
    {
      session: undefined,
      ahead: { settings: 'settings', meaning: MEANING, pieces },
      connection: 'prod-db',
      connectionId: world.connection.id,
      requesterId: devin.id,
      rule: 'writes',
      policy: world.policy.current().hash,
      terms: { approvers: ['group:dba'], approvals: 1, expires: 900_000, selfApproval: false },
      card: { ...cardOf(text), effects: EFFECTS },
      fingerprint: '00',
    },
    () => {},
  );
  return request;
}
async function approved(...asked: Parameters<typeof ask>): Promise<ApprovalRequest> {
  const { id, version } = await ask(...asked);
  const vote = { decision: 'approve', reason: undefined, version } as const;
  return (await world.board.decide(id, ana, vote, present)).request;
}
function running(ahead: ApprovalRequest): Promise<LiveDesk> {
  const client = { address: 'here', application: '' };
  return openDesk(world.deps, {
    identity: devin,
    connection: world.connection,
    target: 'a target',
    client,
    ahead,
  });
}
function take(desk: LiveDesk, text = TEXT, whole: Partial<WholeText> = {}) {
  const one = statement(desk, text);
  const all = { decision: one.decision, effects: EFFECTS, meaning: MEANING, ...whole };
  return desk.ahead?.take(one, all) ?? Promise.reject(new Error('no run'));
}
const stored = async (id: string) => (await world.store.approvals.find(id))?.status;

describe('the session of a run', () => {
  test('has spent the approval on the disk when it gives the key, and gives it once', async () => {
    const request = await approved();
    const desk = await running(request);
    const outcome = await take(desk);
    if (outcome.outcome !== 'approved') throw new Error(JSON.stringify(outcome));
    expect(await world.store.approvals.find(request.id)).toMatchObject({
      status: 'used',
      endReason: `run in session ${desk.id}`,
    });
    const kinds = world.entries().map(({ kind }) => kind);
    expect(kinds.slice(-2)).toEqual(['statement', 'approval.used']);
    spend(outcome.judged);
    expect(await take(desk)).toMatchObject({ outcome: 'refused' });
    expect(await take(await running(request))).toMatchObject({
      outcome: 'refused',
      reason: expect.stringContaining('already used'),
    });
  });

  test('takes the approved bytes and nothing else, not even what a rule allows', async () => {
    const request = await approved();
    const desk = await running(request);
    expect(statement(desk, 'read customers').decision.outcome).toBe('approve');
    for (const other of ['read customers', 'write customers ', 'Write customers', 'write orders', '']) {
      expect([other, (await take(desk, other)).outcome]).toEqual([other, 'refused']);
    }
    await expect(desk.hold(statement(desk, TEXT), cardOf(TEXT), () => [])).rejects.toMatchObject({
      code: 'ahead_bypassed',
    });
    expect(() => desk.pass(statement(desk, 'read customers'))).toThrow();
    expect(await stored(request.id)).toBe('approved');
  });

  test.each([
    ['another meaning', { meaning: hash('sha256', 'another', 'hex') }],
    ['more than was shown', { effects: [...EFFECTS, 'write: public.orders'] }],
  ])('needs a new approval for %s', async (_, whole) => {
    const request = await approved();
    expect(await take(await running(request), TEXT, whole)).toMatchObject({ outcome: 'refused' });
    expect(await stored(request.id)).toBe('withdrawn');
  });

  test('takes the pieces of a text in their order', async () => {
    const text = 'write a; write b';
    const pieces = [
      { start: 0, end: 7, line: 1 },
      { start: 9, end: 16, line: 1 },
    ];
    const desk = await running(await approved(text, pieces));
    expect(await take(desk, 'write b')).toMatchObject({ outcome: 'refused' });
    expect(await take(desk, 'write a')).toMatchObject({ outcome: 'approved' });
    expect(await take(desk, 'write a')).toMatchObject({ outcome: 'refused' });
    expect(await take(desk, 'write b', { effects: ['write: public.b'] })).toMatchObject({
      outcome: 'refused',
    });
    expect(await take(desk, 'write b')).toMatchObject({ outcome: 'approved' });
  });

  test('does nothing when the audit log cannot be written', async () => {
    const request = await approved();
    const desk = await running(request);
    world.audit.append = () => {
      throw new Error('disk full');
    };
    expect(await take(desk)).toMatchObject({ outcome: 'refused' });
    expect(await stored(request.id)).toBe('approved');
  });

  test('does nothing once the approval has expired, which it has its time for anew from the yes on', async () => {
    const { id, version } = await ask();
    world.clock.advance(800_000);
    const vote = { decision: 'approve', reason: undefined, version } as const;
    const { request } = await world.board.decide(id, ana, vote, present);
    world.clock.advance(800_000);
    expect(await stored(id)).toBe('approved');
    const desk = await running(request);
    world.clock.advance(100_001);
    expect(await take(desk)).toMatchObject({ outcome: 'refused' });
    await expect.poll(() => stored(id)).toBe('expired');
  });

  test('does nothing once its approver was revoked, or the policy asks more', async () => {
    const request = await approved();
    const desk = await running(request);
    await world.apply(POLICY.replace('approvers: [group:dba]', 'approvers: [group:dba]\n    approvals: 2'));
    expect(await take(desk)).toMatchObject({ outcome: 'refused', reason: expect.stringContaining('asks 2') });
    await world.apply(POLICY);
    await world.store.identities.revoke(ana.id, new Date(world.clock.now()).toISOString());
    expect(await take(desk)).toMatchObject({
      outcome: 'refused',
      reason: expect.stringContaining('revoked'),
    });
    expect(await stored(request.id)).toBe('approved');
  });
});

describe('an approval of somebody whom an issuer vouched for', () => {
  const TRUSTING = POLICY.replace(
    'rules:\n',
    `identity:
  issuers:
    - name: corp
      issuer: https://login.example.com
      domain: example.com
      audiences: [hoopctl]
      identities: [{match: {sub: "*"}, name: "{sub}", kind: person}]
rules:
`,
  );

  test('counts as long as the policy trusts that issuer', async () => {
    await world.apply(TRUSTING);
    const origin = { issuer: 'https://login.example.com', subject: 'lea' };
    const lea = {
      ...ana,
      id: 'idp-lea',
      name: 'lea@example.com',
      tokenHash: 'none',
      groups: ['dba'],
      origin,
    };
    await world.store.identities.create(lea);
    const { id, version } = await ask();
    const vote = { decision: 'approve', reason: undefined, version } as const;
    const { request } = await world.board.decide(id, lea, vote, present);
    const desk = await running(request);
    await world.apply(POLICY);
    expect(await take(desk)).toMatchObject({
      outcome: 'refused',
      reason: expect.stringContaining('no longer trusts'),
    });
    await world.apply(TRUSTING);
    expect(await take(desk)).toMatchObject({ outcome: 'approved' });
  });
});

describe('a request made ahead', () => {
  test('stays through a new policy, and lives on in another process with the same store', async () => {
    const { id, version } = await ask();
    await world.apply(`${POLICY}# another\n`);
    expect(await stored(id)).toBe('pending');
    const { clock, audit, policy, store } = world;
    const parts = { clock, audit, policy, failed: () => {} };
    const next = new ApprovalBoard({ ...parts, approvals: store.approvals, identities: store.identities });
    for (const request of await store.approvals.list('pending')) next.restore(request);
    const vote = { decision: 'approve', reason: undefined, version } as const;
    await next.decide(id, ana, vote, present);
    expect(await next.use(id, 's-1')).toMatchObject({ status: 'used' });
    await expect(next.use(id, 's-2')).rejects.toMatchObject({ code: 'approval_not_pending' });
  });

  test('gains no time by a clock that was put back while no process was there', async () => {
    const request = await ask();
    const { clock, audit, policy, store } = world;
    clock.setWall(Date.parse(request.createdAt) - 3_600_000);
    const parts = { clock, audit, policy, failed: () => {} };
    const next = new ApprovalBoard({ ...parts, approvals: store.approvals, identities: store.identities });
    next.restore(request);
    clock.advance(Date.parse(request.expiresAt) - Date.parse(request.createdAt));
    const vote = { decision: 'approve', reason: undefined, version: request.version } as const;
    await expect(next.decide(request.id, ana, vote, present)).rejects.toThrow(/expired/);
  });

  test('counts among those that wait only until it is decided', async () => {
    for (let i = 0; i < 21; i++) await approved(`write t${i}`);
    expect(world.board.size).toBe(0);
    for (let i = 0; i < 20; i++) await ask(`write u${i}`);
    await expect(ask()).rejects.toMatchObject({ code: 'too_many_pending' });
  });

  test('that has ended by the audit log has ended, whatever an older store says', async () => {
    const used = await approved();
    await take(await running(used));
    const gone = await ask('write b');
    await world.board.withdraw(gone.id, 'taken back');
    const waits = await ask('write c');
    const ended = await approvalsEnded(world.audit, [used.id, gone.id, waits.id]);
    expect([...ended]).toEqual([
      [used.id, 'used'],
      [gone.id, 'withdrawn'],
    ]);
  });
});

test('comments reach who waits, are kept in order, and end with the request', async () => {
  const { id } = await ask();
  const { request } = await world.board.comment(id, ana, ' why now? ');
  expect(request).toMatchObject({ status: 'pending', comments: [{ byName: 'ana', text: 'why now?' }] });
  expect(world.entries().at(-1)).toMatchObject({
    kind: 'approval.commented',
    facts: { comment: 'why now?' },
  });
  for (const bad of ['', ' \n', 'x'.repeat(1001)]) {
    await expect(world.board.comment(id, ana, bad)).rejects.toMatchObject({ code: 'bad_comment' });
  }
  await expect(world.board.comment(id, devin, 'yes')).rejects.toMatchObject({ code: 'self_approval' });
  const stale = { decision: 'approve', reason: undefined, version: 1 } as const;
  await expect(world.board.decide(id, ana, stale, present)).rejects.toMatchObject({
    code: 'approval_changed',
  });
  for (let i = 1; i < 20; i++) await world.board.comment(id, ana, `more ${i}`);
  await expect(world.board.comment(id, ana, 'more')).rejects.toMatchObject({ code: 'too_many_comments' });
  await world.board.withdraw(id, 'gone');
  await expect(world.board.comment(id, ana, 'late')).rejects.toMatchObject({ code: 'approval_not_pending' });
});
