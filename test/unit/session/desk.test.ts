import { hash } from 'node:crypto';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Internal } from '../../../src/base/errors.ts';
import { recordingPath } from '../../../src/recording/layout.ts';
import { fingerprint } from '../../../src/recording/recovery.ts';
import { spend } from '../../../src/session/judged.ts';
import type { LiveDesk } from '../../../src/session/live-desk.ts';
import { type DeskOpening, openDesk } from '../../../src/session/open-desk.ts';
import { makeWorld, POLICY, statement, type World } from './world.ts';

let world: World;
let opening: Omit<DeskOpening, 'identity'>;
let desk: LiveDesk;

beforeEach(async () => {
  world = await makeWorld();
  opening = {
    connection: world.connection,
    target: 'a target',
    client: { address: 'here', application: '' },
  };
  desk = await world.open(await world.identity('devin'));
});
afterEach(() => world.end());

describe('a desk', () => {
  test('records the text, audits its hash, and only then gives the key', async () => {
    const judged = desk.pass(statement(desk, 'read customers'));

    expect(judged.decision.outcome).toBe('allow');
    const frames = await world.frames(desk.id);
    expect(frames.at(-1)?.value).toMatchObject({
      id: 1,
      text: 'read customers',
      outcome: 'allow',
      rule: 'reads',
      effects: ['read: public.customers'],
    });
    expect(world.entries().at(-1)).toMatchObject({
      kind: 'statement',
      actor: 'devin',
      facts: {
        session: desk.id,
        connection: 'prod-db',
        decision: 'allow',
        rule: 'reads',
        statement: hash('sha256', 'read customers', 'hex'),
      },
    });
    expect(JSON.stringify(world.entries())).not.toContain('read customers');
  });

  test('gives keys that open the door once', () => {
    const judged = desk.pass(statement(desk, 'read customers'));
    spend(judged);
    expect(() => spend(judged)).toThrow(expect.objectContaining({ code: 'judged_twice' }));
  });

  test('makes keys nobody else can make', () => {
    const forged = { decision: statement(desk, 'read x').decision } as never;
    expect(() => spend(forged)).toThrow(expect.objectContaining({ code: 'not_judged' }));
  });

  test('records the text of an interned statement once and a reference at each further execution', async () => {
    const interned = desk.intern(statement(desk, 'read customers'));
    desk.pass(statement(desk, 'read other'));
    desk.passAgain(interned);
    desk.passAgain(interned);
    desk.passAgain(interned);
    desk.commit();

    const values = (await world.frames(desk.id)).slice(1).map(({ value }) => value);
    expect(values).toMatchObject([
      { id: 2, text: 'read other' },
      { id: 1, text: 'read customers' },
      { ref: 1 },
      { ref: 1 },
    ]);
    expect(world.entries().filter(({ kind }) => kind === 'statement')).toHaveLength(4);
    expect(desk.row().statements).toBe(4);
  });

  test('passes nothing that the policy does not allow', () => {
    expect(() => desk.pass(statement(desk, 'write customers'))).toThrow(
      expect.objectContaining({ code: 'wrong_outcome' }),
    );
    expect(() => desk.intern(statement(desk, 'drop customers'))).toThrow(
      expect.objectContaining({ code: 'wrong_outcome' }),
    );
  });

  test('records and audits a block', async () => {
    desk.refuse(statement(desk, 'drop customers'));
    expect((await world.frames(desk.id)).at(-1)?.value).toMatchObject({
      outcome: 'block',
      rule: 'no-drops',
      message: 'ask for a window',
    });
    expect(world.entries().at(-1)?.facts).toMatchObject({ decision: 'block', rule: 'no-drops' });
    expect(desk.row()).toMatchObject({ statements: 1, blocked: 1 });
  });

  test('does not carry out a decision of a policy that was replaced meanwhile', async () => {
    const judged = statement(desk, 'read customers');
    const interned = desk.intern(judged);
    await world.apply(`${POLICY}# another hash\n`);
    expect(() => desk.pass(judged)).toThrow(expect.objectContaining({ code: 'policy_changed' }));
    expect(() => desk.passAgain(interned)).toThrow(expect.objectContaining({ code: 'policy_changed' }));
  });

  test('takes a new policy at its next statement', async () => {
    await world.apply('version: 1\nrules:\n  - name: closed\n    decision: block\n');
    expect(desk.decide({ statements: [] }).policy).toBe(world.policy.current().hash);
    expect(statement(desk, 'read customers').decision).toMatchObject({ outcome: 'block', rule: 'closed' });
  });

  test('gives nothing when the recording cannot be written, and audits nothing as passed', async () => {
    const full = () => {
      throw new Internal('recording_failed', 'the session cannot be recorded');
    };
    let failing = false;
    const { createRecording } = world.deps;
    const deps = {
      ...world.deps,
      createRecording: (id: string) => {
        const real = createRecording(id);
        return {
          append: (...frame: Parameters<typeof real.append>) => (failing ? full() : real.append(...frame)),
          appendJson: (...frame: Parameters<typeof real.appendJson>) =>
            failing ? full() : real.appendJson(...frame),
          stage: (...frame: Parameters<typeof real.stage>) => real.stage(...frame),
          prepare: () => (failing ? full() : real.prepare()),
          commit: () => (failing ? full() : real.commit()),
          settle: () => (failing ? full() : real.settle()),
          close: () => real.close(),
        };
      },
    };
    const other = await openDesk(deps, { ...opening, identity: await world.identity('ci-1') });
    const interned = other.intern(statement(other, 'read x'));
    other.passAgain(interned);
    other.commit();
    failing = true;
    const before = world.entries().length;
    expect(() => other.pass(statement(other, 'read x'))).toThrow(
      expect.objectContaining({ code: 'recording_failed' }),
    );
    other.passAgain(interned);
    expect(() => other.commit()).toThrow(expect.objectContaining({ code: 'recording_failed' }));
    expect(world.entries()).toHaveLength(before);
  });

  test('gives nothing once it is closed', async () => {
    await desk.close('ended');
    expect(() => desk.pass(statement(desk, 'read customers'))).toThrow(
      expect.objectContaining({ code: 'session_over' }),
    );
  });

  test('gives nothing when the audit log cannot be written', () => {
    world.audit.append = () => {
      throw new Error('disk full');
    };
    expect(() => desk.pass(statement(desk, 'read customers'))).toThrow('disk full');
    expect(desk.row().statements).toBe(0);
  });

  test('closes its books with size and hash of the recording', async () => {
    desk.pass(statement(desk, 'read customers'));
    await desk.close('the client left');
    const file = await fingerprint(recordingPath(join(world.dir, 'recordings'), desk.id));
    const row = await world.store.sessions.find(desk.id);
    expect(row).toMatchObject({
      status: 'closed',
      endReason: 'the client left',
      statements: 1,
      recordingSize: file.size,
      recordingSha256: file.sha256,
    });
    expect(world.entries().at(-1)).toMatchObject({ kind: 'session.end', facts: { recording: file } });
    expect(world.live.find(desk.id)).toBeUndefined();
  });

  test('closes once, whoever asks first', async () => {
    await Promise.all([desk.close('one'), desk.close('two')]);
    expect((await world.store.sessions.find(desk.id))?.endReason).toBe('one');
    expect(world.entries().filter(({ kind }) => kind === 'session.end')).toHaveLength(1);
  });
});

describe('a session is cut', () => {
  test('at the moment its identity expires', async () => {
    const expiresAt = new Date(world.clock.now() + 40 * 86_400_000).toISOString();
    const other = await world.open(await world.identity('ci-1', ['requester'], expiresAt));
    const reasons: string[] = [];
    other.onCut((reason) => reasons.push(reason));
    world.clock.advance(40 * 86_400_000 - 1);
    expect(reasons).toEqual([]);
    world.clock.advance(1);
    expect(reasons).toEqual(['the token has expired']);
    expect(() => other.pass(statement(other, 'read x'))).toThrow(
      expect.objectContaining({ code: 'session_over' }),
    );
  });

  test('at its next statement when the clock was set past the expiry', async () => {
    const expiresAt = new Date(world.clock.now() + 60_000).toISOString();
    const other = await world.open(await world.identity('ci-1', ['requester'], expiresAt));
    world.clock.setWall(Date.parse(expiresAt));
    expect(() => other.pass(statement(other, 'read x'))).toThrow(
      expect.objectContaining({ code: 'identity_expired' }),
    );
  });

  test('once, and a late listener is told at once', () => {
    desk.cut('killed by ana');
    desk.cut('again');
    const reasons: string[] = [];
    desk.onCut((reason) => reasons.push(reason));
    expect(reasons).toEqual(['killed by ana']);
  });

  test('by identity, and others go on', async () => {
    const other = await world.open(await world.identity('ci-1'));
    expect(world.live.cut((session) => session.identityId === desk.identityId, 'revoked')).toBe(1);
    expect(() => desk.pass(statement(desk, 'read x'))).toThrow('the session is over: revoked');
    expect(other.pass(statement(other, 'read x'))).toBeDefined();
  });
});

describe('a session does not open', () => {
  test('for an identity that was revoked after its endpoint opened', async () => {
    const identity = await world.identity('ci-1');
    await world.store.identities.revoke(identity.id, new Date(world.clock.now()).toISOString());
    await expect(world.open(identity)).rejects.toMatchObject({ code: 'token_revoked' });
  });

  test('where the policy allows and asks for nothing', async () => {
    await world.apply(
      'version: 1\nrules:\n  - name: elsewhere\n    connections: [other]\n    decision: allow\n',
    );
    await expect(world.open(await world.identity('ci-1'))).rejects.toMatchObject({
      code: 'connection_not_allowed',
    });
  });

  test('when its books cannot be opened', async () => {
    const sessions = { ...world.store.sessions, open: () => Promise.reject(new Error('no')) };
    const identity = await world.identity('ci-1');
    await expect(openDesk({ ...world.deps, sessions }, { ...opening, identity })).rejects.toThrow('no');
    expect(world.live.size).toBe(1);
  });
});
