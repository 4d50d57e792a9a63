import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ApprovalRequest } from '../../../src/approval/request.ts';
import { WebhookDeliveries } from '../../../src/daemon/webhooks/deliveries.ts';
import { destinationText, webhookUrl } from '../../../src/daemon/webhooks/destination.ts';
import { eventOf, messageBody } from '../../../src/daemon/webhooks/message.ts';
import { signature } from '../../../src/daemon/webhooks/signature.ts';
import { httpCalls } from '../../../src/network/http-call.ts';
import { openSqliteStore } from '../../../src/store/sqlite/open.ts';
import type { Store, WebhookRow } from '../../../src/store/store.ts';
import { startWebhookReceiver, type WebhookReceiver } from '../../servers/webhook-receiver.ts';
import { DRAFT } from '../approval/request.ts';
import { ManualClock } from '../session/manual-clock.ts';

const REQUEST: ApprovalRequest = {
  ...DRAFT,
  card: {
    ...DRAFT.card,
    statement: 'UPDATE customers SET plan = $1',
    parameters: ['pro'],
    effects: ['write: public.customers(plan)'],
    estimate: 'planner expects 1 row',
  },
  createdAt: '2026-11-20T10:00:00.000Z',
  expiresAt: '2026-11-20T10:15:00.000Z',
  status: 'pending',
  decisions: [],
  comments: [],
  endReason: undefined,
  version: 1,
};
const stating = (statement: string) => ({ ...REQUEST, card: { ...REQUEST.card, statement } });

describe('a message', () => {
  it('carries what the requester says and what approvers say, inert, the requester last', () => {
    const said = {
      ...REQUEST,
      card: { ...REQUEST.card, reason: '<!channel> *now*\u202e', ticket: 'OPS-1' },
      comments: [{ by: 'id-2', byName: 'ana', text: 'why `now`?', at: '2026-11-20T10:01:00.000Z' }],
    };
    expect(eventOf(said)).toBe('approval.commented');
    expect(JSON.parse(messageBody('json', 'approval.commented', said))).toMatchObject({
      approval: {
        requesterReason: said.card.reason,
        ticket: 'OPS-1',
        comments: [{ by: 'ana', text: 'why `now`?' }],
      },
    });
    const slack = messageBody('slack', 'approval.commented', said);
    expect(slack).toContain('has a comment by ana');
    expect(slack).toContain('&lt;!channel&gt;');
    expect(slack).not.toMatch(/<!channel>|\u202e/);
    expect(slack.indexOf('hoopctl approve')).toBeLessThan(slack.indexOf('*reason*'));
  });

  it('carries the whole card as data', () => {
    const body = JSON.parse(messageBody('json', 'approval.pending', REQUEST));
    expect(body).toMatchObject({
      event: 'approval.pending',
      approval: {
        id: 'ap-7kq2m',
        statement: REQUEST.card.statement,
        parameters: ['pro'],
        approvers: ['group:dba'],
      },
    });
    expect(JSON.stringify(body)).not.toMatch(/token|passphrase|fingerprint/);
  });

  it('names the person whom a machine acts for beside the machine', () => {
    const acting = { ...REQUEST, card: { ...REQUEST.card, endUser: 'ana@example.com' } };
    expect(JSON.parse(messageBody('json', 'approval.pending', acting)).approval).toMatchObject({
      requester: 'devin',
      endUser: 'ana@example.com',
    });
    expect(messageBody('slack', 'approval.pending', acting)).toContain('devin (machine) for ana@example.com');
  });

  it('for Slack says where, and whom to ask and how only while there is something to decide', () => {
    const pending = messageBody('slack', 'approval.pending', REQUEST);
    expect(pending).toContain('*where* prod-db · PostgreSQL');
    expect(pending).toContain('*asked* group:dba');
    expect(pending).toContain('hoopctl approve ap-7kq2m');
    const decided = messageBody('slack', 'approval.approved', { ...REQUEST, status: 'approved' });
    expect(decided).not.toMatch(/hoopctl approve|expires/);
  });

  it('leaves nothing to Slack that it would interpret', () => {
    const hostile = "SELECT '<!channel> <https://evil.test|Approve> *b* & ```\u202e\x1b[2J'";
    const body = messageBody('slack', 'approval.pending', stating(hostile));
    const code = JSON.parse(body).blocks[1].text.text as string;
    expect(code).toContain('&lt;!channel&gt; &lt;https://evil.test|Approve&gt;');
    expect(code.slice(3, -3)).not.toContain('```');
    expect(code).not.toMatch(/[<>\u202e\x1b]/);
  });

  it('says how a request differs from what was approved before, inert as all else', () => {
    const precedent = {
      among: 3,
      nearest: {
        approval: 'ap-4hx2k',
        by: 'ana',
        at: '2026-11-21T11:57:00.000Z',
        differences: [
          { part: 'statement' as const, start: 0, length: 9, was: '1', wasLength: 1, is: '<!here>`\u202e*' },
        ],
        more: 1,
      },
    };
    const slack = messageBody('slack', 'approval.pending', { ...REQUEST, precedent });
    expect(slack).toContain('differs from ap-4hx2k, approved 2026-11-21T11:57:00.000Z by ana in 2 places');
    expect(slack).not.toMatch(/<!here>|\u202e/);
    const json = JSON.parse(messageBody('json', 'approval.pending', { ...REQUEST, precedent }));
    expect(json.approval.precedent).toEqual(precedent);
  });

  it('says in Slack when a statement is not all shown', () => {
    const body = messageBody('slack', 'approval.pending', stating(`SELECT '${'x'.repeat(5000)}'`));
    expect(body).toContain('not all shown: 5009 characters');
  });

  it('is named by what happened, and there is none for an approval that is used', () => {
    const vote = { by: 'id-2', byName: 'ana', decision: 'approve' as const, reason: undefined, at: '' };
    expect(eventOf(REQUEST)).toBe('approval.pending');
    expect(eventOf({ ...REQUEST, decisions: [vote] })).toBe('approval.voted');
    expect(eventOf({ ...REQUEST, status: 'denied' })).toBe('approval.denied');
    expect(eventOf({ ...REQUEST, status: 'used' })).toBeUndefined();
  });

  it('is signed over its time and its bytes', () => {
    const signed = signature('key', '{"a":1}', 1_700_000_000_999);
    const expected = createHmac('sha256', 'key').update('1700000000.{"a":1}').digest('hex');
    expect(signed).toBe(`t=1700000000,v1=${expected}`);
  });
});

describe('a webhook URL', () => {
  it('is https, or http on this machine, without a password', () => {
    expect(webhookUrl(' https://hooks.test/a?b \n').href).toBe('https://hooks.test/a?b');
    expect(webhookUrl('http://127.0.0.1:8080/').host).toBe('127.0.0.1:8080');
    for (const bad of [
      'http://hooks.test/',
      'ftp://x/',
      'file:///etc/passwd',
      'https://u:p@h/',
      'nonsense',
    ]) {
      expect(() => webhookUrl(bad), bad).toThrow(expect.objectContaining({ code: 'bad_webhook_url' }));
    }
  });
});

describe('deliveries', () => {
  const clock = new ManualClock();
  const WEBHOOK: WebhookRow = {
    id: 'wh-1',
    name: 'chat',
    format: 'json',
    host: '127.0.0.1',
    secretRef: 'ref',
    createdAt: '2026-11-20T10:00:00.000Z',
  };
  let dir: string;
  let store: Store;
  let receiver: WebhookReceiver;
  let deliveries: WebhookDeliveries;
  const urls = new Map<string, string>();
  const audited: { kind: string; facts: object }[] = [];
  const opened = () =>
    new WebhookDeliveries({
      clock,
      call: httpCalls({}),
      webhooks: store.webhooks,
      vault: { read: async (ref) => destinationText({ url: urls.get(ref) ?? '', key: 'the key' }) },
      audit: {
        append: (event) => {
          audited.push(event);
          return {} as never;
        },
      },
      failed: (error) => {
        throw error;
      },
    });
  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'hoop-webhooks-'));
    store = await openSqliteStore(join(dir, 'state.db'));
    receiver = await startWebhookReceiver();
    await store.webhooks.create(WEBHOOK);
    urls.set(WEBHOOK.secretRef, receiver.url);
    audited.length = 0;
    deliveries = opened();
  });
  afterEach(async () => {
    await deliveries.close();
    await receiver.close();
    await store.close();
    rmSync(dir, { recursive: true });
  });
  const waiting = () => store.webhooks.waiting(WEBHOOK.id, 10);

  it('signs what it sends, and forgets what was taken', async () => {
    await deliveries.tell(REQUEST);
    const { headers, body } = await receiver.next();
    expect(headers['hoopctl-event']).toBe('approval.pending');
    expect(headers['hoopctl-signature']).toBe(signature('the key', body, clock.now()));
    await expect.poll(waiting).toEqual([]);
  });

  it('tries again what was not taken, later and later, and at last gives it up and says so', async () => {
    receiver.status = 500;
    await deliveries.tell(REQUEST);
    const first = await receiver.next();
    for (const [attempts, wait] of [5, 30, 120, 600, 3600, 21_600].entries()) {
      await expect.poll(async () => (await waiting())[0]?.attempts).toBe(attempts + 1);
      await expect.poll(() => clock.timers).toBe(1);
      clock.advance(wait * 1000 - 1);
      clock.advance(1);
      expect((await receiver.next()).headers['hoopctl-delivery']).toBe(first.headers['hoopctl-delivery']);
    }
    await expect.poll(waiting).toEqual([]);
    expect(audited).toMatchObject([
      { kind: 'webhook.failed', facts: { name: 'chat', why: 'it answered 500' } },
    ]);
    expect(receiver.messages).toHaveLength(7);
  });

  it('follows no redirect and takes no decision from an answer', async () => {
    receiver.status = 307;
    await deliveries.tell(REQUEST);
    await receiver.next();
    await expect.poll(async () => (await waiting())[0]?.attempts).toBe(1);
  });

  it('stops at once for a receiver that is gone for good', async () => {
    receiver.status = 410;
    await deliveries.tell(REQUEST);
    await receiver.next();
    await expect.poll(waiting).toEqual([]);
    expect(audited).toHaveLength(1);
  });

  it('sends after a restart what had not been taken before', async () => {
    receiver.status = 503;
    await deliveries.tell(REQUEST);
    await receiver.next();
    await expect.poll(async () => (await waiting())[0]?.attempts).toBe(1);
    await deliveries.close();
    receiver.status = 200;
    clock.advance(60_000);
    expect(receiver.messages).toHaveLength(1);
    deliveries = opened();
    await deliveries.wake();
    await receiver.next();
    await expect.poll(waiting).toEqual([]);
  });

  it('lets a receiver that does not answer keep no other one waiting', async () => {
    const other = await startWebhookReceiver();
    await store.webhooks.create({ ...WEBHOOK, id: 'wh-2', name: 'other', secretRef: 'other' });
    urls.set('other', other.url);
    receiver.status = undefined;
    for (let i = 0; i < 20; i++) await deliveries.tell({ ...REQUEST, id: `ap-${i}` });
    for (let i = 0; i < 20; i++) await other.next();
    expect(receiver.messages.length).toBeLessThanOrEqual(8);
    // The calls that hang end with it.
    await Promise.all([other.close(), receiver.close()]);
  });

  it('tells what happened to one approval in its order, and of others meanwhile', async () => {
    receiver.status = 500;
    await deliveries.tell(REQUEST);
    await receiver.next();
    receiver.status = 200;
    await deliveries.tell({ ...REQUEST, status: 'approved' });
    await deliveries.tell({ ...REQUEST, id: 'ap-other' });
    const about = (body: string) => {
      const { approval, event } = JSON.parse(body) as { approval: { id: string }; event: string };
      return `${approval.id} ${event}`;
    };
    expect(about((await receiver.next()).body)).toBe('ap-other approval.pending');
    await expect.poll(() => clock.timers).toBe(1);
    clock.advance(5000);
    expect(about((await receiver.next()).body)).toBe('ap-7kq2m approval.pending');
    expect(about((await receiver.next()).body)).toBe('ap-7kq2m approval.approved');
    await expect.poll(waiting).toEqual([]);
  });

  it('keeps no more for a receiver that is down than there is room for, and says so', async () => {
    receiver.status = 503;
    const large = stating('x'.repeat(1024 * 1024));
    for (let i = 0; i < 70; i++) await deliveries.tell({ ...large, id: `ap-${i}` });
    expect(audited.map(({ facts }) => facts)).toContainEqual(
      expect.objectContaining({ why: 'too many messages wait' }),
    );
    const kept = await store.webhooks.waiting(WEBHOOK.id, 1000);
    expect(kept.length).toBeLessThan(64);
    expect(kept.length).toBeGreaterThan(60);
  });

  it('loses no message to a clock that was set back', async () => {
    receiver.status = 500;
    await deliveries.tell(REQUEST);
    await receiver.next();
    await expect.poll(async () => (await waiting())[0]?.attempts).toBe(1);
    await deliveries.close();
    receiver.status = 200;
    clock.setWall(clock.now() - 86_400_000);
    deliveries = opened();
    await deliveries.wake();
    await receiver.next();
    await expect.poll(waiting).toEqual([]);
  });

  it('drops what waits with its webhook', async () => {
    receiver.status = 500;
    await deliveries.tell(REQUEST);
    await expect.poll(async () => (await waiting())[0]?.attempts).toBe(1);
    await store.webhooks.remove(WEBHOOK.id);
    expect(await waiting()).toEqual([]);
  });
});
