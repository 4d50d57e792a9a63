import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { compilePolicy } from '../../../src/policy/compile.ts';
import { parsePolicy } from '../../../src/policy/parse.ts';
import { choose } from '../../../src/protocols/kubernetes/choosing.ts';
import { readStatement } from '../../../src/protocols/kubernetes/statement-text.ts';

const text = readFileSync(
  new URL('../../../templates/policies/kubernetes-agent.yaml', import.meta.url),
  'utf8',
);
const { policy: file } = parsePolicy(text, 'kubernetes-agent.yaml');
const policy = file && compilePolicy(file, 'h');
const target = { connection: 'prod-k8s', labels: {}, protocol: 'kubernetes' };
const devin = { id: 'id-1', name: 'devin', groups: [] };

const SHOP = '/api/v1/namespaces/shop';

test.each([
  [`GET ${SHOP}/pods`, 'allow agents-look'],
  ['GET /version', 'allow agents-look'],
  [`GET ${SHOP}/pods/web/log?follow=true`, 'allow agents-look'],
  [`GET ${SHOP}/secrets`, 'block default'],
  [
    'PATCH /apis/apps/v1/namespaces/shop/deployments/web\n{"spec":{"replicas":3}}',
    'approve changes-need-approval',
  ],
  [`DELETE ${SHOP}/pods/web`, 'approve changes-need-approval'],
  [`DELETE ${SHOP}/pods/web?dryRun=All`, 'approve changes-need-approval'],
  ['diff -f - -n shop\nkind: Deployment\nmetadata: {name: web}', 'allow agents-compare'],
  [`POST ${SHOP}/secrets?dryRun=All\n{}`, 'approve changes-need-approval'],
  [`DELETE ${SHOP}/pods`, 'block nothing-wholesale'],
  [`DELETE ${SHOP}`, 'block nothing-wholesale'],
  ['DELETE /api/v1/namespaces/kube-system/pods/dns', 'block system-namespaces'],
  [`POST ${SHOP}/pods\n{"metadata":{"name":"a"},"spec":{"hostNetwork":true}}`, 'block default'],
  ['POST /apis/rbac.authorization.k8s.io/v1/clusterrolebindings\n{}', 'block default'],
  [`GET ${SHOP}/pods/web/exec?command=ls&stdout=true`, 'allow agents-run-commands'],
  [`GET ${SHOP}/pods/web/exec?command=rm&command=-rf&command=/data`, 'approve changes-need-approval'],
  [`GET ${SHOP}/pods/web/exec?command=sh&stdin=true&tty=true`, 'block default'],
  ['GET /api/v1/namespaces/kube-system/pods/etcd/exec?command=ls', 'block system-namespaces'],
  [`GET ${SHOP}/pods/web/portforward`, 'block default'],
  ['GET /apis/metrics.k8s.io/v1beta1/nodes', 'allow agents-look-at-metrics'],
  ['top pod web -n shop', 'allow agents-look-at-metrics'],
  ['GET /apis/custom.metrics.k8s.io.evil.example/v1/nodes', 'block default'],
  ['GET /apis/evil.example/v1/namespaces/x.metrics.k8s.io/things/a', 'block default'],
  ['DELETE /apis/metrics.k8s.io/v1beta1/nodes/n1', 'block default'],
])('the starter policy for Kubernetes: %s', (request, expected) => {
  if (policy === undefined) throw new Error('it cannot be read');
  const { decision } = choose(
    readStatement(request),
    () => undefined,
    false,
    (facts) => policy.decide(devin, target, facts),
  );
  expect(`${decision.outcome} ${decision.rule ?? 'default'}`).toBe(expected);
});
