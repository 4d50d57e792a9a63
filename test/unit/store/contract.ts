import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ApprovalRequest } from '../../../src/approval/request.ts';
import type {
  ConnectionRow,
  IdentityRow,
  PasswordRow,
  SessionRow,
  SignInRow,
  Store,
} from '../../../src/store/store.ts';

const T0 = '2026-01-01T00:00:00.000Z';
const T1 = '2026-01-02T00:00:00.000Z';
const T2 = '2026-01-03T00:00:00.000Z';

const identity = (id: string, more: Partial<IdentityRow> = {}): IdentityRow => ({
  id,
  name: `name-${id}`,
  kind: 'machine',
  roles: ['requester', 'auditor'],
  groups: ['agents'],
  tokenHash: `hash-${id}`,
  createdAt: T0,
  expiresAt: undefined,
  revokedAt: undefined,
  ...more,
});

const connection = (id: string, more: Partial<ConnectionRow> = {}): ConnectionRow => ({
  id,
  name: `name-${id}`,
  protocol: 'postgres',
  settings: '{"host":"db"}',
  secretRef: undefined,
  labels: { env: 'production' },
  createdAt: T0,
  updatedAt: T0,
  ...more,
});

const session = (id: string, more: Partial<SessionRow> = {}): SessionRow => ({
  id,
  connectionId: 'c-1',
  connection: 'prod-db',
  protocol: 'postgres',
  identityId: 'id-1',
  identity: 'devin',
  client: '127.0.0.1:5000',
  startedAt: T0,
  endedAt: undefined,
  status: 'open',
  endReason: undefined,
  statements: 0,
  blocked: 0,
  approved: 0,
  denied: 0,
  recordingSize: undefined,
  recordingSha256: undefined,
  ...more,
});

const approval = (id: string, more: Partial<ApprovalRequest> = {}): ApprovalRequest => ({
  id,
  session: 's-1',
  connection: 'prod-db',
  connectionId: 'c-1',
  requesterId: 'id-1',
  rule: 'writes-need-approval',
  policy: 'abc',
  terms: { approvers: ['group:dba'], approvals: 2, expires: 900_000, selfApproval: false },
  card: {
    requester: 'devin',
    requesterKind: 'machine',
    requesterGroups: ['agents'],
    clientAddress: '127.0.0.1',
    target: 'PostgreSQL db:5432/shop as app_rw',
    transaction: 'none',
    statement: "update t set a = 'é\u0000\n🐎'",
    parameters: ['1', null],
    effects: ['write: public.t(a)'],
    estimate: 'planner expects 1 row',
  },
  fingerprint: 'f00d',
  createdAt: T0,
  expiresAt: T1,
  status: 'pending',
  decisions: [],
  comments: [],
  endReason: undefined,
  version: 1,
  ...more,
});

/** What every implementation of `Store` does. */
export function storeContract(open: () => Promise<Store>): void {
  let store: Store;
  beforeEach(async () => {
    store = await open();
  });
  afterEach(() => store.close());

  describe('identities', () => {
    it('come back as they were put in', async () => {
      const plain = identity('id-1');
      const full = identity('id-2', {
        kind: 'person',
        expiresAt: T1,
        revokedAt: T2,
        groups: [],
        roles: ['owner'],
      });
      await store.identities.create(plain);
      await store.identities.create(full);

      expect(await store.identities.list()).toEqual([plain, full]);
    });

    it('may carry more than a row has', async () => {
      await store.identities.create({ ...identity('id-1'), more: undefined } as IdentityRow);

      expect(await store.identities.find('id-1')).toEqual(identity('id-1'));
    });

    it('are found by token hash, by id and by name', async () => {
      const row = identity('id-1');
      await store.identities.create(row);

      expect(await store.identities.byTokenHash('hash-id-1')).toEqual(row);
      expect(await store.identities.find('id-1')).toEqual(row);
      expect(await store.identities.find('name-id-1')).toEqual(row);
      expect(await store.identities.byTokenHash('hash-id-2')).toBeUndefined();
      expect(await store.identities.find('name-id-2')).toBeUndefined();
    });

    it('do not share a name while unrevoked', async () => {
      await store.identities.create(identity('id-1', { name: 'devin' }));

      await expect(store.identities.create(identity('id-2', { name: 'devin' }))).rejects.toMatchObject({
        kind: 'conflict',
        code: 'identity_name_taken',
      });
      expect(await store.identities.list()).toHaveLength(1);
    });

    it('may take the name of a revoked one and are then found by it', async () => {
      await store.identities.create(identity('id-1', { name: 'devin' }));
      await store.identities.revoke('id-1', T1);
      await store.identities.create(identity('id-2', { name: 'devin' }));

      expect((await store.identities.find('devin'))?.id).toBe('id-2');
    });

    it('are revoked once', async () => {
      await store.identities.create(identity('id-1'));

      expect(await store.identities.revoke('id-1', T1)).toBe(true);
      expect(await store.identities.revoke('id-1', T2)).toBe(false);
      expect(await store.identities.revoke('id-9', T2)).toBe(false);
      expect((await store.identities.find('id-1'))?.revokedAt).toBe(T1);
    });

    it('refuse a second one with the same token, whatever its name', async () => {
      await store.identities.create(identity('id-1'));

      await expect(store.identities.create(identity('id-2', { tokenHash: 'hash-id-1' }))).rejects.toThrow();
    });
  });

  describe('identities of an issuer', () => {
    const origin = { issuer: 'https://login.example.com', subject: 'u-1' };

    it('are found by where they come from, and brought up to date', async () => {
      await store.identities.create(identity('id-1', { origin }));
      await store.identities.create(identity('id-2'));
      await store.identities.update('id-1', { name: 'ana', kind: 'person', roles: ['approver'], groups: [] });

      expect(await store.identities.byOrigin(origin)).toEqual(
        identity('id-1', { origin, name: 'ana', kind: 'person', roles: ['approver'], groups: [] }),
      );
      expect(await store.identities.byOrigin({ ...origin, subject: 'u-2' })).toBeUndefined();
      await expect(
        store.identities.update('id-1', { name: 'name-id-2', kind: 'person', roles: ['owner'], groups: [] }),
      ).rejects.toMatchObject({ code: 'identity_name_taken' });
    });

    it('are one for each origin', async () => {
      await store.identities.create(identity('id-1', { origin }));

      await expect(store.identities.create(identity('id-2', { origin }))).rejects.toThrow();
    });
  });

  describe('sign-ins', () => {
    const signIn = (id: string, more: Partial<SignInRow> = {}): SignInRow => ({
      id,
      identityId: 'id-1',
      tokenHash: `hash-${id}`,
      issuerName: 'corp',
      issuerHash: 'f00d',
      roles: ['requester'],
      groups: ['dba'],
      endUser: { id: 'id-9', name: 'ana', groups: [], vouchedBy: 'token' },
      authTime: T0,
      acr: 'mfa',
      createdAt: T0,
      checkedAt: T0,
      expiresAt: T1,
      endedAt: undefined,
      ...more,
    });
    beforeEach(() => store.identities.create(identity('id-1')));

    it('come back as they were put in, by id and by token', async () => {
      const bare = signIn('si-2', { endUser: undefined, authTime: undefined, acr: undefined });
      await store.signIns.create(signIn('si-1'));
      await store.signIns.create(bare);

      expect(await store.signIns.find('si-1')).toEqual(signIn('si-1'));
      expect(await store.signIns.byTokenHash('hash-si-2')).toEqual(bare);
      expect(await store.signIns.byTokenHash('hash-si-3')).toBeUndefined();
    });

    it('are renewed until they have ended, and end once', async () => {
      await store.signIns.create(signIn('si-1'));
      const {
        id: _,
        tokenHash: __,
        ...checked
      } = signIn('si-1', { groups: ['leads'], checkedAt: T1, expiresAt: T2 });

      expect(await store.signIns.check('si-1', checked)).toBe(true);
      expect(await store.signIns.find('si-1')).toMatchObject({
        groups: ['leads'],
        expiresAt: T2,
        createdAt: T0,
      });
      expect(await store.signIns.end('si-1', T1)).toBe(true);
      expect(await store.signIns.end('si-1', T2)).toBe(false);
      expect(await store.signIns.check('si-1', checked)).toBe(false);
      expect((await store.signIns.find('si-1'))?.endedAt).toBe(T1);
    });

    it('of an issuer that still count are found, with whom a logout names', async () => {
      const live = signIn('si-1', {
        expiresAt: T2,
        subject: 'u-1',
        issuerSession: 'sid-1',
        liveness: 'sealed',
      });
      await store.signIns.create(live);
      await store.signIns.create(signIn('si-2', { expiresAt: T0 }));
      await store.signIns.create(signIn('si-3', { expiresAt: T2, endedAt: T1 }));
      await store.signIns.create(signIn('si-4', { expiresAt: T2, issuerName: 'other' }));

      expect(await store.signIns.live(live.issuerName, T1)).toEqual([live]);
    });

    it('are forgotten when they are over for long', async () => {
      await store.signIns.create(signIn('si-1', { expiresAt: T0 }));
      await store.signIns.create(signIn('si-2', { expiresAt: T2, endedAt: T0 }));
      await store.signIns.create(signIn('si-3', { expiresAt: T2 }));

      expect(await store.signIns.forget(T1)).toBe(2);
      expect(await store.signIns.find('si-3')).toEqual(signIn('si-3', { expiresAt: T2 }));
    });
  });

  describe('used tokens', () => {
    it('are taken once, until they would have expired', async () => {
      expect(await store.usedTokens.take('a', T1, T0)).toBe(true);
      expect(await store.usedTokens.take('a', T1, T0)).toBe(false);
      expect(await store.usedTokens.take('b', T1, T0)).toBe(true);
      expect(await store.usedTokens.take('a', T2, T2)).toBe(true);
    });
  });

  describe('connections', () => {
    it('come back as they were put in, by name and by id', async () => {
      const b = connection('c-1', { name: 'b' });
      const a = connection('c-2', { name: 'a', secretRef: 'env:PGPASSWORD', labels: {} });
      await store.connections.create(b);
      await store.connections.create(a);

      expect(await store.connections.list()).toEqual([a, b]);
      expect(await store.connections.find('c-1')).toEqual(b);
      expect(await store.connections.find('a')).toEqual(a);
      expect(await store.connections.find('c')).toBeUndefined();
    });

    it('do not share a name, neither when created nor when changed', async () => {
      await store.connections.create(connection('c-1', { name: 'a' }));
      await store.connections.create(connection('c-2', { name: 'b' }));
      const taken = { kind: 'conflict', code: 'connection_name_taken' };

      await expect(store.connections.create(connection('c-3', { name: 'a' }))).rejects.toMatchObject(taken);
      await expect(store.connections.update(connection('c-2', { name: 'a' }))).rejects.toMatchObject(taken);
    });

    it('can be changed and removed', async () => {
      await store.connections.create(connection('c-1', { secretRef: 'keychain:x' }));
      const changed = connection('c-1', { name: 'other', settings: '{}', labels: { a: 'b' }, updatedAt: T1 });
      await store.connections.update(changed);

      expect(await store.connections.find('c-1')).toEqual(changed);
      expect(await store.connections.remove('c-1')).toBe(true);
      expect(await store.connections.remove('c-1')).toBe(false);
      expect(await store.connections.list()).toEqual([]);
    });

    it('cannot be changed when they are not there', async () => {
      await expect(store.connections.update(connection('c-1'))).rejects.toMatchObject({ kind: 'not-found' });
    });
  });

  describe('passwords', () => {
    const password = (id: string, more: Partial<PasswordRow> = {}): PasswordRow => ({
      id,
      identityId: 'id-1',
      signInId: undefined,
      connectionId: 'c-1',
      secretHash: `hash-${id}`,
      verifier: 'verifier',
      createdAt: T0,
      expiresAt: T1,
      revokedAt: undefined,
      ...more,
    });
    beforeEach(async () => {
      await store.identities.create(identity('id-1'));
      await store.identities.create(identity('id-2'));
    });

    it('come back as they were put in, by id, by hash and by identity', async () => {
      const one = password('pw-1');
      const other = password('pw-2', { identityId: 'id-2', signInId: 'si-1' });
      await store.passwords.create(one);
      await store.passwords.create(other);

      expect(await store.passwords.find('pw-1')).toEqual(one);
      expect(await store.passwords.bySecretHash('hash-pw-2')).toEqual(other);
      expect(await store.passwords.list()).toEqual([one, other]);
      expect(await store.passwords.list('id-2')).toEqual([other]);
      expect(await store.passwords.find('pw-3')).toBeUndefined();
    });

    it('are revoked once', async () => {
      await store.passwords.create(password('pw-1'));

      expect(await store.passwords.revoke('pw-1', T2)).toBe(true);
      expect(await store.passwords.revoke('pw-1', T2)).toBe(false);
      expect(await store.passwords.find('pw-1')).toMatchObject({ revokedAt: T2 });
    });

    it('are forgotten some time after they expired', async () => {
      await store.passwords.create(password('pw-1', { expiresAt: T0 }));
      await store.passwords.create(password('pw-2', { expiresAt: T2 }));

      expect(await store.passwords.forget(T1)).toBe(1);
      expect(await store.passwords.list()).toMatchObject([{ id: 'pw-2' }]);
    });
  });

  describe('policies', () => {
    const policy = (hash: string) => ({
      hash,
      text: `# ${hash}`,
      source: 'p.yaml',
      appliedBy: 'owner',
      appliedAt: T0,
    });

    it('are numbered from one; the last is current', async () => {
      expect(await store.policies.current()).toBeUndefined();

      expect(await store.policies.apply(policy('a'))).toEqual({ version: 1, ...policy('a') });
      expect(await store.policies.apply(policy('b'))).toEqual({ version: 2, ...policy('b') });

      expect(await store.policies.current()).toEqual({ version: 2, ...policy('b') });
      expect((await store.policies.history()).map((row) => row.version)).toEqual([1, 2]);
    });
  });

  describe('sessions', () => {
    it('come back as they were put in', async () => {
      const plain = session('s-000001');
      const full = session('s-000002', {
        endedAt: T1,
        status: 'closed',
        endReason: 'client closed',
        statements: 4,
        blocked: 3,
        approved: 2,
        denied: 1,
        recordingSize: 5_000_000_000,
        recordingSha256: 'aa',
      });
      await store.sessions.open(plain);
      await store.sessions.open(full);

      expect(await store.sessions.find('s-000001')).toEqual(plain);
      expect(await store.sessions.find('s-000002')).toEqual(full);
    });

    it('change only what is named', async () => {
      await store.sessions.open(session('s-000001', { blocked: 7, endReason: 'x' }));
      await store.sessions.update('s-000001', { statements: 2, status: 'interrupted', endReason: undefined });
      await store.sessions.update('s-000001', {});

      expect(await store.sessions.find('s-000001')).toEqual(
        session('s-000001', { statements: 2, blocked: 7, status: 'interrupted' }),
      );
    });

    it('are found by a prefix of at least six characters that fits one', async () => {
      await store.sessions.open(session('s-aaaabbbb'));
      await store.sessions.open(session('s-aaaacccc'));
      await store.sessions.open(session('s-bbbbbbbb'));

      expect((await store.sessions.find('s-aaaab'))?.id).toBe('s-aaaabbbb');
      expect(await store.sessions.find('s-bbb')).toBeUndefined();
      expect(await store.sessions.find('s-zzzz')).toBeUndefined();
      expect(await store.sessions.find('s-____')).toBeUndefined();
      expect(await store.sessions.find('s-%%%%')).toBeUndefined();
      await expect(store.sessions.find('s-aaaa')).rejects.toMatchObject({
        kind: 'conflict',
        code: 'ambiguous_id',
        why: 's-aaaabbbb, s-aaaacccc',
      });
    });

    it('are found by their whole id although it begins another', async () => {
      await store.sessions.open(session('s-aaaa'));
      await store.sessions.open(session('s-aaaabbbb'));

      expect((await store.sessions.find('s-aaaa'))?.id).toBe('s-aaaa');
    });

    it('are listed newest first, filtered by all that is asked', async () => {
      await store.sessions.open(session('s-1', { startedAt: T0, blocked: 1 }));
      await store.sessions.open(
        session('s-2', { startedAt: T1, connection: 'other', connectionId: 'c-2', approved: 1 }),
      );
      await store.sessions.open(
        session('s-3', { startedAt: T2, identity: 'ana', identityId: 'id-2', denied: 1 }),
      );
      await store.sessions.open(session('s-4', { startedAt: T2, status: 'closed', blocked: 2 }));
      const ids = async (filter: Parameters<Store['sessions']['list']>[0]) =>
        (await store.sessions.list(filter)).map((row) => row.id);

      expect(await ids({})).toEqual(['s-4', 's-3', 's-2', 's-1']);
      expect(await ids({ limit: 2 })).toEqual(['s-4', 's-3']);
      expect(await ids({ connection: 'other' })).toEqual(['s-2']);
      expect(await ids({ connection: 'c-2' })).toEqual(['s-2']);
      expect(await ids({ identity: 'ana' })).toEqual(['s-3']);
      expect(await ids({ identity: 'id-2' })).toEqual(['s-3']);
      expect(await ids({ status: 'closed' })).toEqual(['s-4']);
      expect(await ids({ decision: 'blocked' })).toEqual(['s-4', 's-1']);
      expect(await ids({ decision: 'approved' })).toEqual(['s-2']);
      expect(await ids({ decision: 'denied' })).toEqual(['s-3']);
      expect(await ids({ since: T1 })).toEqual(['s-4', 's-3', 's-2']);
      expect(await ids({ since: '2026-01-02T00:00:00Z', until: '2026-01-02T00:00:00Z' })).toEqual(['s-2']);
      expect(await ids({ until: T1 })).toEqual(['s-2', 's-1']);
      expect(await ids({ decision: 'blocked', status: 'open' })).toEqual(['s-1']);
    });
  });

  it('refuses to look for sessions since a time that is none', async () => {
    await expect(store.sessions.list({ since: 'yesterday' })).rejects.toMatchObject({ code: 'bad_time' });
  });

  describe('approvals', () => {
    it('come back as they were put in', async () => {
      const plain = approval('ap-00001');
      const decided = approval('ap-00002', {
        createdAt: T1,
        status: 'denied',
        decisions: [
          { by: 'id-2', byName: 'ana', decision: 'approve', reason: undefined, at: T0 },
          { by: 'id-3', byName: 'bob', decision: 'deny', reason: 'not now', at: T1 },
        ],
        endReason: 'not now',
        version: 3,
      });
      await store.approvals.create(decided);
      await store.approvals.create(plain);

      expect(await store.approvals.list()).toEqual([plain, decided]);
      expect(await store.approvals.list('denied')).toEqual([decided]);
      expect(await store.approvals.find('ap-00001')).toEqual(plain);
      expect(await store.approvals.find('ap-00009')).toBeUndefined();
    });

    it('are found by who asked where, once somebody voted for them and nobody against: newest first', async () => {
      const yes = { by: 'id-2', byName: 'ana', decision: 'approve' as const, reason: undefined, at: T0 };
      const voted = (id: string, more: Partial<ApprovalRequest> = {}) =>
        approval(id, { status: 'used', decisions: [yes], ...more });
      const precedent = { among: 1, nearest: null };
      const used = voted('ap-00001');
      const later = voted('ap-00002', { createdAt: T1, status: 'withdrawn', endReason: 'gone', precedent });
      const others = [
        voted('ap-00003', { requesterId: 'id-9' }),
        voted('ap-00004', { connectionId: 'c-9' }),
        voted('ap-00005', { status: 'denied', endReason: 'no' }),
        approval('ap-00006'),
      ];
      for (const one of [used, later, ...others]) await store.approvals.create(one);
      expect(await store.approvals.votedFor({ requesterId: 'id-1', connectionId: 'c-1' })).toEqual([
        later,
        used,
      ]);
    });

    it('do not share an id', async () => {
      await store.approvals.create(approval('ap-00001'));

      await expect(store.approvals.create(approval('ap-00001'))).rejects.toMatchObject({
        kind: 'conflict',
        code: 'approval_id_taken',
      });
    });

    it('are changed by the one who saw the version, and no one else', async () => {
      await store.approvals.create(approval('ap-00001'));
      const decisions = [{ by: 'id-2', byName: 'ana', decision: 'approve', reason: 'fine', at: T1 }] as const;

      const outcomes = await Promise.all([
        store.approvals.transition('ap-00001', 1, { status: 'approved', decisions }),
        store.approvals.transition('ap-00001', 1, { status: 'denied', endReason: 'no' }),
      ]);

      expect(outcomes).toEqual([true, false]);
      expect(await store.approvals.find('ap-00001')).toEqual(
        approval('ap-00001', { status: 'approved', decisions, version: 2 }),
      );
    });

    it('keep their decisions when they are used or end', async () => {
      const decisions = [
        { by: 'id-2', byName: 'ana', decision: 'approve', reason: undefined, at: T1 },
      ] as const;
      await store.approvals.create(approval('ap-00001', { decisions }));
      await store.approvals.transition('ap-00001', 1, { status: 'expired', endReason: 'too late' });

      expect(await store.approvals.find('ap-00001')).toEqual(
        approval('ap-00001', { decisions, status: 'expired', endReason: 'too late', version: 2 }),
      );
    });

    it('are not changed when they are not there', async () => {
      expect(await store.approvals.transition('ap-00001', 1, { status: 'used' })).toBe(false);
    });
  });

  describe('settings', () => {
    it('are set, replaced and removed', async () => {
      expect(await store.settings.get('a')).toBeUndefined();
      await store.settings.set('a', '1');
      await store.settings.set('a', '2');
      expect(await store.settings.get('a')).toBe('2');
      await store.settings.remove('a');
      expect(await store.settings.get('a')).toBeUndefined();
    });
  });

  it('may be closed twice', async () => {
    await store.close();
    await store.close();
  });
}
