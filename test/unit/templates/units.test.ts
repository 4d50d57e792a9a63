import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { run } from '../../servers/psql.ts';

const unit = fileURLToPath(new URL('../../../templates/units/hoopctl.service', import.meta.url));
const plist = fileURLToPath(new URL('../../../templates/units/io.hoopctl.daemon.plist', import.meta.url));

test.skipIf(!existsSync('/usr/bin/systemd-analyze'))(
  'systemd reads the service unit without a complaint',
  async () => {
    const { code, stdout, stderr } = await run('/usr/bin/systemd-analyze', ['verify', unit]);
    expect({ code, said: `${stdout}${stderr}` }).toEqual({ code: 0, said: '' });
  },
);

test('the service runs as its own user, hardened, and has time for the orderly end', () => {
  const text = readFileSync(unit, 'utf8');
  expect(text).toMatch(/^User=hoopctl$/m);
  expect(text).toMatch(/^ExecStart=.*hoopctl daemon start --foreground$/m);
  expect(text).toMatch(/^NoNewPrivileges=yes$/m);
  expect(text).toMatch(/^StateDirectoryMode=0700$/m);
  expect(Number(/^TimeoutStopSec=(\d+)s$/m.exec(text)?.[1])).toBeGreaterThan(10);
});

test('the launch agent is a well-formed property list that runs the daemon in the foreground', async () => {
  const script = 'import json, plistlib, sys; print(json.dumps(plistlib.load(open(sys.argv[1], "rb"))))';
  const { stdout, stderr } = await run('/usr/bin/python3', ['-c', script, plist]);
  expect(stderr).toBe('');
  const agent = JSON.parse(stdout) as { ProgramArguments: string[]; Label: string; ExitTimeOut: number };
  expect(agent.ProgramArguments.slice(1)).toEqual(['daemon', 'start', '--foreground']);
  expect(plist).toContain(`${agent.Label}.plist`);
  expect(agent.ExitTimeOut).toBeGreaterThan(10);
});
