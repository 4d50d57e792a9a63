import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type GovernedShop, openShop } from '../servers/governed-shop.ts';

interface Verdict {
  readonly ok: boolean;
  readonly firstBroken: {
    readonly seq: number | null;
    readonly session: string | null;
    readonly message: string;
  } | null;
  readonly problems: readonly string[];
}

let shop: GovernedShop;
/** The state after one session, its daemon stopped: each test damages a copy. */
let home: string;
let session: string;

beforeAll(async () => {
  shop = await openShop();
  home = shop.hoopctl.home;
  await shop.hoopctl.ok(['exec', 'prod-db', '-c', 'SELECT 1', '-c', 'SELECT 2'], { token: shop.devin });
  const { sessions } = await shop.hoopctl.json<{ sessions: { id: string }[] }>(['session', 'list']);
  session = sessions[0]?.id ?? '';
  await shop.hoopctl.ok(['daemon', 'stop']);
});
afterAll(() => shop?.stop());

let copies = 0;
/** What `audit verify` says about a copy of the state after `damage`, with its exit code. */
async function verified(
  damage: (copy: string) => void,
): Promise<{ code: number | null; verdict: Verdict; text: string }> {
  const copy = join(home, '..', `copy-${copies++}`);
  // Node's own copy gives directories other modes.
  execFileSync('cp', ['-a', home, copy]);
  damage(copy);
  const env = { HOOPCTL_HOME: copy };
  const json = await shop.hoopctl.run(['audit', 'verify', '--json'], { env });
  const { stdout } = await shop.hoopctl.run(['audit', 'verify'], { env });
  await shop.hoopctl.run(['daemon', 'stop'], { env });
  rmSync(copy, { recursive: true });
  return { code: json.code, verdict: JSON.parse(json.stdout || '{}') as Verdict, text: stdout };
}

const recordingOf = (copy: string): string => {
  const found = readdirSync(join(copy, 'recordings'), { recursive: true, encoding: 'utf8' });
  return join(copy, 'recordings', found.find((name) => name.includes(session)) ?? 'none');
};
const log = (copy: string) => join(copy, 'audit', 'audit.jsonl');
const linesOf = (copy: string) => readFileSync(log(copy), 'utf8').trimEnd().split('\n');

describe('audit verify', () => {
  test('finds nothing in an honest copy', async () => {
    expect(await verified(() => {})).toMatchObject({ code: 0, verdict: { ok: true, firstBroken: null } });
  });

  test('names the recording in which a byte was changed', async () => {
    const { code, verdict, text } = await verified((copy) => {
      const bytes = readFileSync(recordingOf(copy));
      const at = bytes.length >> 1;
      bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
      writeFileSync(recordingOf(copy), bytes);
    });
    expect(code).toBe(1);
    expect(verdict).toMatchObject({ ok: false, firstBroken: { session } });
    expect(text).toContain(session);
  });

  test('names the recording that was removed', async () => {
    const { code, verdict } = await verified((copy) => rmSync(recordingOf(copy)));
    expect(code).toBe(1);
    expect(verdict).toMatchObject({ ok: false, firstBroken: { session } });
  });

  test('names the first entry that was edited', async () => {
    const { code, verdict, text } = await verified((copy) => {
      const lines = linesOf(copy);
      lines[4] = lines[4]?.replace(/"actor":"[^"]*"/, '"actor":"mallory"') ?? '';
      lines[6] = lines[6]?.replace(/"actor":"[^"]*"/, '"actor":"mallory"') ?? '';
      writeFileSync(log(copy), `${lines.join('\n')}\n`);
    });
    expect(code).toBe(1);
    expect(verdict).toMatchObject({ ok: false, firstBroken: { seq: 5 } });
    expect(text).toContain('#5');
  });

  test('finds that the last lines were cut, with and without the signed heads', async () => {
    for (const alsoHeads of [false, true]) {
      const { code, verdict } = await verified((copy) => {
        writeFileSync(log(copy), `${linesOf(copy).slice(0, -3).join('\n')}\n`);
        if (alsoHeads) {
          for (const name of readdirSync(join(copy, 'audit'))) {
            if (name.includes('head')) rmSync(join(copy, 'audit', name));
          }
        }
      });
      expect([alsoHeads, code]).toEqual([alsoHeads, 1]);
      expect(verdict.ok).toBe(false);
      expect(verdict.firstBroken?.message).toMatch(/cut|missing|rewritten/);
    }
  });

  test('finds that only the signed heads were removed', async () => {
    const { code, verdict } = await verified((copy) => {
      for (const name of readdirSync(join(copy, 'audit'))) {
        if (name.includes('head')) rmSync(join(copy, 'audit', name));
      }
    });
    expect(code).toBe(1);
    expect(verdict).toMatchObject({ ok: false });
  });
});
