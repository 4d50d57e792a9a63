import type { CallTable } from '../calls.ts';

const DOCKER =
  '-a -q -n: -f: -s --all --quiet --last: --latest --filter: --format: --no-trunc --size --no-stream --digests --tree --human --type: --verbose -v --since: --until: --services --no-color';
const CONTAINER_LOGS =
  '-f -t -n: --follow --timestamps --tail: --since: --until: --details --no-log-prefix --no-color --index:';
const KUBECTL =
  '-n: -A -o: -l: -w -L: --namespace: --all-namespaces --output: --selector: --watch --watch-only --show-labels --no-headers --sort-by: --field-selector: --chunk-size: --ignore-not-found --label-columns: --show-kind --show-managed-fields --show-events --template: --recursive --api-version: --api-group: --namespaced --verbs: --short --client --containers --sum --revision: --timeout: --context: --cluster: --request-timeout: --for: --types: --use-protocol-buffers --minify --subresource: --list --quiet';
const HELM =
  '-n: -A -o: -a -q -l: --namespace: --all-namespaces --output: --all --short --max: --revision: --kube-context: --filter: --deployed --failed --pending --date --reverse --selector: --show-desc --show-resources';

/** Containers and clusters. */
export const CONTAINERS: Readonly<Record<string, CallTable>> = {
  docker: {
    before: '-D --debug',
    reads: {
      'ps inspect images stats top version info port diff history events image/ls image/list image/inspect image/history container/ls container/list container/ps container/inspect container/top container/stats container/port container/diff network/ls network/list network/inspect volume/ls volume/list volume/inspect system/df system/info system/events node/ls service/ls service/ps service/inspect stack/ls stack/ps stack/services context/ls context/show plugin/ls buildx/ls buildx/version':
        DOCKER,
      'logs container/logs service/logs': CONTAINER_LOGS,
      '!': '-v --version --help',
    },
    otherwise: 'admin',
  },
  'docker-compose': {
    before: '-p: --project-name: --profile: --ansi: --no-ansi --verbose --compatibility',
    reads: {
      'ps top images version ls port events': DOCKER,
      logs: CONTAINER_LOGS,
      config: '-q --quiet --services --volumes --images --profiles --hash: --format: --no-interpolate',
      '!': '-v --version',
    },
    otherwise: 'admin',
  },
  crictl: {
    reads: {
      'ps pods images stats inspect inspecti inspectp logs info version statsp imagefsinfo':
        '-a -q -o: --all --quiet --output: --name: --namespace: --state: --tail: -f --follow --no-trunc',
    },
    otherwise: 'admin',
  },
  ctr: {
    before: '-n: --namespace:',
    reads: {
      'containers/ls containers/list c/ls images/ls i/ls tasks/ls t/ls namespaces/ls ns/ls version': '-q',
    },
    otherwise: 'admin',
  },
  kubectl: {
    before: '-n: --namespace: --context: --cluster: --request-timeout:',
    reads: {
      logs: '-n: -f -c: -p -l: --namespace: --context: --selector: --container: --all-containers --tail: --since: --since-time: --previous --prefix --timestamps --follow --limit-bytes: --max-log-requests: --ignore-errors --all-pods',
      'get describe top explain version api-resources api-versions events wait config/view config/get-contexts config/current-context config/get-clusters config/get-users cluster-info! rollout/status rollout/history auth/can-i auth/whoami options plugin/list':
        KUBECTL,
    },
    // What it reads there are passwords.
    refuses: /secret/i,
    otherwise: 'admin',
  },
  helm: {
    before: '-n: --namespace: --kube-context:',
    reads: {
      'list ls status history version env get/values get/manifest get/notes get/hooks get/all get/metadata repo/list search/repo':
        HELM,
    },
    otherwise: 'admin',
  },
};
