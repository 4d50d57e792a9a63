import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Proxy as HeldProxy, Hoopctl } from '../servers/hoopctl.ts';
import { begin, type Place } from '../servers/kube-client.ts';
import { startKubelet, type TestKubelet } from '../servers/kubelet.ts';
import { clusterMissing, startCluster, type TestCluster } from '../servers/kubernetes.ts';
import { residentMiB } from '../servers/process-memory.ts';

const missing = clusterMissing();
if (missing !== undefined) test.skip(`tests of Kubernetes streams did not run: ${missing}`, () => {});

/** `HOOPCTL_TEST_BULK=1` follows a gigabyte of log and watches for ten minutes. */
const FULL = process.env.HOOPCTL_TEST_BULK !== undefined;
const LOG_BYTES = FULL ? 1024 ** 3 : 32 * 1024 ** 2;
const WATCH_MS = FULL ? 10 * 60_000 : 4000;
/** Growth of the daemon that is not the stream's: caches, the garbage collector's ease. */
const MORE_MIB = 120;

const POLICY = `version: 1
rules: [{name: read, effects: [read], decision: allow}]
masks: [{name: found, detect: [email, credit_card, phone, api_key], strategy: redact}]
`;

describe.skipIf(missing !== undefined)('long streams through the gateway', () => {
  let cluster: TestCluster;
  let kubelet: TestKubelet;
  let hoopctl: Hoopctl;
  let proxy: HeldProxy & Place;
  let daemon: number;

  beforeAll(async () => {
    cluster = await startCluster();
    kubelet = await startKubelet(cluster);
    await kubelet.addPod('web');
    await cluster.api('POST', '/api/v1/namespaces/default/configmaps', { metadata: { name: 'seen' } });
    hoopctl = await Hoopctl.initialised();
    await hoopctl.applyPolicy(POLICY);
    await hoopctl.ok(['connection', 'add', 'prod-k8s', '--kubeconfig', cluster.kubeconfig, '--no-input']);
    const token = await hoopctl.createIdentity('devin', 'requester');
    proxy = (await hoopctl.proxy('prod-k8s', { token })) as typeof proxy;
    daemon = (await hoopctl.daemonPid()) ?? 0;
  }, 120_000);

  afterAll(async () => {
    await hoopctl?.close();
    await kubelet?.stop();
    await cluster?.stop();
  }, 60_000);

  test(
    'a log passes whole and masked while the daemon stays as large as it was',
    async () => {
      const line = `${'an ordinary line of a log, level=info ok=true '.repeat(20)}\n`;
      const told = 'mail jane@example.com now\n';
      const block = Buffer.from(line.repeat(70) + told);
      const blocks = Math.ceil(LOG_BYTES / block.length);
      kubelet.logs = async (response) => {
        // Pieces end anywhere, in the middle of an address too.
        const pieces = Buffer.concat([block, block]);
        for (let sent = 0; sent < blocks * block.length; ) {
          const from = sent % block.length;
          const length = Math.min(61_001, blocks * block.length - sent);
          if (!response.write(Buffer.from(pieces.subarray(from, from + length))))
            await once(response, 'drain');
          sent += Math.min(length, pieces.length - from);
        }
        response.end();
      };
      const before = residentMiB(daemon);
      let [most, bytes, marks] = [0, 0, 0];
      let rest = '';
      const answer = await begin(proxy, 'GET', '/api/v1/namespaces/default/pods/web/log?follow=true');
      for await (const chunk of answer) {
        const text = rest + (chunk as Buffer).toString('latin1');
        bytes += (chunk as Buffer).length;
        expect(text.includes('@')).toBe(false);
        marks += text.split('[masked]').length - 1;
        // A mark that lies across two pieces is counted once it is whole.
        rest = text.slice(text.lastIndexOf('[masked]') + '[masked]'.length).slice(-7);
        if (text.lastIndexOf('[masked]') < 0) rest = text.slice(-7);
        most = Math.max(most, residentMiB(daemon));
      }
      expect(marks).toBe(blocks);
      expect(bytes).toBe(blocks * (block.length - 'jane@example.com'.length + '[masked]'.length));
      if (FULL) process.stderr.write(`log: ${bytes} bytes, daemon ${before} -> at most ${most} MiB\n`);
      expect(most - before).toBeLessThan(MORE_MIB);
    },
    FULL ? 900_000 : 60_000,
  );

  test(
    'a watch tells every change, masked, while the daemon stays as large as it was',
    async () => {
      const answer = await begin(proxy, 'GET', '/api/v1/namespaces/default/configmaps?watch=1');
      const began = Date.now();
      const ended = new Promise<never>((_, reject) => {
        const tell = () => reject(new Error(`the watch ended after ${Date.now() - began} ms`));
        answer.once('end', tell);
        answer.once('error', tell);
        answer.once('aborted', tell);
      });
      ended.catch(() => {});
      const seen: number[] = [];
      let rest = '';
      answer.on('data', (chunk: Buffer) => {
        const lines = (rest + chunk.toString('utf8')).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) {
          const { object } = JSON.parse(line) as { object: { data?: { n: string; mail: string } } };
          if (object.data === undefined) continue;
          if (object.data.mail !== '[masked]') throw new Error(`it was told ${object.data.mail}`);
          seen.push(Number(object.data.n));
        }
      });
      const before = residentMiB(daemon);
      let [most, count] = [0, 0];
      while (Date.now() - began < WATCH_MS) {
        count++;
        await cluster.api('PATCH', '/api/v1/namespaces/default/configmaps/seen', {
          data: { n: String(count), mail: `jane-${count}@example.com`, filler: 'x'.repeat(20_000) },
        });
        // Changes that nobody takes in time would make the API server end the watch.
        while (seen.length < count) await Promise.race([once(answer, 'data'), ended]);
        most = Math.max(most, residentMiB(daemon));
      }
      expect(seen).toEqual(Array.from({ length: count }, (_, index) => index + 1));
      if (FULL) process.stderr.write(`watch: ${count} events, daemon ${before} -> at most ${most} MiB\n`);
      expect(most - before).toBeLessThan(MORE_MIB);
      answer.destroy();
    },
    WATCH_MS + 60_000,
  );
});
