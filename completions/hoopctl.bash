# bash completion for hoopctl; made by `npm run completions`, do not edit.
_hoopctl_offer() {
  local word
  case "$1" in
    files) while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -f -- "$2") ;;
    names) while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -W "$(command "${COMP_WORDS[0]}" __complete "$3" 2>/dev/null | cut -f1)" -- "$2") ;;
    words) while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -W "$3" -- "$2") ;;
  esac
}

_hoopctl() {
  local current="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD-1]}" verb="" i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    [[ "${COMP_WORDS[i]}" == -- ]] && { _hoopctl_offer files "$current"; return; }
    case "$verb/${COMP_WORDS[i]}" in
      /demo|/init|/daemon|/daemon/start|/daemon/stop|/daemon/restart|/daemon/status|/daemon/logs|/gateway|/gateway/start|/gateway/openapi|/login|/logout|/context|/context/list|/context/use|/context/remove|/connection|/connection/add|/connection/list|/connection/show|/connection/test|/connection/edit|/connection/remove|/connect|/proxy|/ssh-config|/kubeconfig|/exec|/request|/run|/withdraw|/credential|/approvals|/approve|/deny|/comment|/session|/session/list|/session/show|/session/kill|/replay|/policy|/policy/check|/policy/explain|/policy/test|/policy/diff|/policy/apply|/identity|/identity/create|/identity/list|/identity/revoke|/whoami|/webhook|/webhook/add|/webhook/list|/webhook/test|/webhook/remove|/audit|/audit/tail|/audit/verify|/audit/export|/doctor|/completion|/help) verb="$verb/${COMP_WORDS[i]}" ;;
    esac
  done
  case "$verb:$previous" in
    "/gateway/start:--config") _hoopctl_offer files "$current"; return ;;
    "/login:--name") return ;;
    "/login:--ca") _hoopctl_offer files "$current"; return ;;
    "/login:--fingerprint") return ;;
    "/login:--issuer") return ;;
    "/login:--client-id") return ;;
    "/login:--scope") return ;;
    "/login:--audience") return ;;
    "/login:--private-key") _hoopctl_offer files "$current"; return ;;
    "/login:--on-behalf-of") return ;;
    "/login:--saml") return ;;
    "/connection/add:--url") return ;;
    "/connection/add:--secret-ref") return ;;
    "/connection/add:--key") return ;;
    "/connection/add:--key-passphrase-ref") return ;;
    "/connection/add:--jump") _hoopctl_offer names "$current" connections; return ;;
    "/connection/add:--known-hosts") _hoopctl_offer files "$current"; return ;;
    "/connection/add:--host-ca") _hoopctl_offer files "$current"; return ;;
    "/connection/add:--kubeconfig") _hoopctl_offer files "$current"; return ;;
    "/connection/add:--context") return ;;
    "/connection/add:--label") return ;;
    "/connection/edit:--url") return ;;
    "/connection/edit:--secret-ref") return ;;
    "/connection/edit:--key") return ;;
    "/connection/edit:--key-passphrase-ref") return ;;
    "/connection/edit:--jump") _hoopctl_offer names "$current" connections; return ;;
    "/connection/edit:--known-hosts") _hoopctl_offer files "$current"; return ;;
    "/connection/edit:--host-ca") _hoopctl_offer files "$current"; return ;;
    "/connection/edit:--kubeconfig") _hoopctl_offer files "$current"; return ;;
    "/connection/edit:--context") return ;;
    "/connection/edit:--label") return ;;
    "/connect:--client") return ;;
    "/connect:--reason") return ;;
    "/connect:--ticket") return ;;
    "/proxy:--port") return ;;
    "/proxy:--reason") return ;;
    "/proxy:--ticket") return ;;
    "/kubeconfig:--port") return ;;
    "/exec:-c"|"/exec:--command") return ;;
    "/exec:-f"|"/exec:--file") _hoopctl_offer files "$current"; return ;;
    "/exec:--wait") return ;;
    "/exec:--reason") return ;;
    "/exec:--ticket") return ;;
    "/request:-c"|"/request:--command") return ;;
    "/request:-f"|"/request:--file") _hoopctl_offer files "$current"; return ;;
    "/request:--reason") return ;;
    "/request:--ticket") return ;;
    "/request:--wait") return ;;
    "/run:--wait") return ;;
    "/credential:--ttl") return ;;
    "/credential:--ssh-key") _hoopctl_offer files "$current"; return ;;
    "/credential:--revoke") return ;;
    "/approve:--comment") return ;;
    "/deny:-r"|"/deny:--reason") return ;;
    "/session/list:--connection") _hoopctl_offer names "$current" connections; return ;;
    "/session/list:--identity") _hoopctl_offer names "$current" identities; return ;;
    "/session/list:--decision") _hoopctl_offer words "$current" "blocked approved denied"; return ;;
    "/session/list:--status") _hoopctl_offer words "$current" "open closed interrupted"; return ;;
    "/session/list:--text") return ;;
    "/session/list:--since") return ;;
    "/session/list:--until") return ;;
    "/session/list:--limit") return ;;
    "/replay:--speed") return ;;
    "/replay:--asciicast") _hoopctl_offer files "$current"; return ;;
    "/replay:--html") _hoopctl_offer files "$current"; return ;;
    "/policy/explain:--connection") _hoopctl_offer names "$current" connections; return ;;
    "/policy/explain:--as") _hoopctl_offer names "$current" identities; return ;;
    "/policy/explain:--policy") _hoopctl_offer files "$current"; return ;;
    "/policy/explain:--reason") return ;;
    "/policy/explain:--ticket") return ;;
    "/policy/test:--policy") _hoopctl_offer files "$current"; return ;;
    "/identity/create:--role") _hoopctl_offer words "$current" "owner approver requester auditor"; return ;;
    "/identity/create:--group") return ;;
    "/identity/create:--groups") return ;;
    "/identity/create:--ttl") return ;;
    "/identity/create:--kind") _hoopctl_offer words "$current" "person machine"; return ;;
    "/webhook/add:--format") _hoopctl_offer words "$current" "json slack"; return ;;
    "/audit/tail:-n"|"/audit/tail:--lines") return ;;
    "/audit/export:--since") return ;;
    "/audit/export:--until") return ;;
    "/audit/export:-o"|"/audit/export:--output") _hoopctl_offer files "$current"; return ;;
  esac
  if [[ "$current" == -* ]]; then
    case "$verb" in
      "") _hoopctl_offer words "$current" "-V --version --json --no-input --no-color -h --help" ;;
      "/demo") _hoopctl_offer words "$current" "--keep --ssh --json --no-input --no-color -h --help" ;;
      "/init") _hoopctl_offer words "$current" "--approver-passphrase-stdin --json --no-input --no-color -h --help" ;;
      "/daemon") _hoopctl_offer words "$current" "--json --no-input --no-color -h --help" ;;
      "/daemon/start") _hoopctl_offer words "$current" "--foreground --json --no-input --no-color -h --help" ;;
      "/daemon/stop") _hoopctl_offer words "$current" "--json --no-input --no-color -h --help" ;;
      "/daemon/restart") _hoopctl_offer words "$current" "--json --no-input --no-color -h --help" ;;
      "/daemon/status") _hoopctl_offer words "$current" "--json --no-input --no-color -h --help" ;;
      "/daemon/logs") _hoopctl_offer words "$current" "-f --follow --json --no-input --no-color -h --help" ;;
      "/gateway") _hoopctl_offer words "$current" "--json --no-input --no-color -h --help" ;;
      "/gateway/start") _hoopctl_offer words "$current" "--config --check --tls-self-signed --json --no-input --no-color -h --help" ;;
      "/gateway/openapi") _hoopctl_offer words "$current" "--json --no-input --no-color -h --help" ;;
      "/login") _hoopctl_offer words "$current" "--name --ca --fingerprint --issuer --client-id --scope --audience --client-secret-stdin --private-key --token-stdin --on-behalf-of --allow-http-loopback --saml --code-stdin --fresh --no-browser --json --no-input --no-color -h --help" ;;
      "/logout") _hoopctl_offer words "$current" "--json --no-input --no-color -h --help" ;;
      "/context") _hoopctl_offer words "$current" "--json --no-input --no-color -h --help" ;;
      "/context/list") _hoopctl_offer words "$current" "--json --no-input --no-color -h --help" ;;
      "/context/use") _hoopctl_offer words "$current" "--json --no-input --no-color -h --help" ;;
      "/context/remove") _hoopctl_offer words "$current" "-y --yes --json --no-input --no-color -h --help" ;;
      "/connection") _hoopctl_offer words "$current" "--json --no-input --no-color -h --help" ;;
      "/connection/add") _hoopctl_offer words "$current" "--url --password-stdin --secret-ref --key --key-passphrase-stdin --key-passphrase-ref --jump --known-hosts --host-ca --accept-host-key --kubeconfig --context --impersonate --label --no-test --json --no-input --no-color -h --help" ;;
      "/connection/list") _hoopctl_offer words "$current" "--json --no-input --no-color -h --help" ;;
      "/connection/show") _hoopctl_offer words "$current" "--json --no-input --no-color -h --help" ;;
      "/connection/test") _hoopctl_offer words "$current" "--json --no-input --no-color -h --help" ;;
      "/connection/edit") _hoopctl_offer words "$current" "--url --password-stdin --secret-ref --key --key-passphrase-stdin --key-passphrase-ref --jump --known-hosts --host-ca --accept-host-key --kubeconfig --context --impersonate --label --no-test --json --no-input --no-color -h --help" ;;
      "/connection/remove") _hoopctl_offer words "$current" "-y --yes --json --no-input --no-color -h --help" ;;
      "/connect") _hoopctl_offer words "$current" "--client --reason --ticket --json --no-input --no-color -h --help" ;;
      "/proxy") _hoopctl_offer words "$current" "--port --socket --stdio --reason --ticket --json --no-input --no-color -h --help" ;;
      "/ssh-config") _hoopctl_offer words "$current" "--install --json --no-input --no-color -h --help" ;;
      "/kubeconfig") _hoopctl_offer words "$current" "--port --credential --hold --json --no-input --no-color -h --help" ;;
      "/exec") _hoopctl_offer words "$current" "-c --command -f --file --wait --reason --ticket --json --no-input --no-color -h --help" ;;
      "/request") _hoopctl_offer words "$current" "-c --command -f --file --reason --ticket --wait --no-wait --json --no-input --no-color -h --help" ;;
      "/run") _hoopctl_offer words "$current" "--wait --json --no-input --no-color -h --help" ;;
      "/withdraw") _hoopctl_offer words "$current" "--json --no-input --no-color -h --help" ;;
      "/credential") _hoopctl_offer words "$current" "--ttl --ssh-key --list --revoke --json --no-input --no-color -h --help" ;;
      "/approvals") _hoopctl_offer words "$current" "-w --watch --all --json --no-input --no-color -h --help" ;;
      "/approve") _hoopctl_offer words "$current" "--comment -y --yes --passphrase-stdin --json --no-input --no-color -h --help" ;;
      "/deny") _hoopctl_offer words "$current" "-r --reason -y --yes --passphrase-stdin --json --no-input --no-color -h --help" ;;
      "/comment") _hoopctl_offer words "$current" "--json --no-input --no-color -h --help" ;;
      "/session") _hoopctl_offer words "$current" "--json --no-input --no-color -h --help" ;;
      "/session/list") _hoopctl_offer words "$current" "--connection --identity --decision --status --text --since --until --limit --json --no-input --no-color -h --help" ;;
      "/session/show") _hoopctl_offer words "$current" "--json --no-input --no-color -h --help" ;;
      "/session/kill") _hoopctl_offer words "$current" "-y --yes --json --no-input --no-color -h --help" ;;
      "/replay") _hoopctl_offer words "$current" "--speed --no-wait --asciicast --html --json --no-input --no-color -h --help" ;;
      "/policy") _hoopctl_offer words "$current" "--json --no-input --no-color -h --help" ;;
      "/policy/check") _hoopctl_offer words "$current" "--json --no-input --no-color -h --help" ;;
      "/policy/explain") _hoopctl_offer words "$current" "--connection --as --policy --jsonl --reason --ticket --json --no-input --no-color -h --help" ;;
      "/policy/test") _hoopctl_offer words "$current" "--policy --json --no-input --no-color -h --help" ;;
      "/policy/diff") _hoopctl_offer words "$current" "--json --no-input --no-color -h --help" ;;
      "/policy/apply") _hoopctl_offer words "$current" "-y --yes --json --no-input --no-color -h --help" ;;
      "/identity") _hoopctl_offer words "$current" "--json --no-input --no-color -h --help" ;;
      "/identity/create") _hoopctl_offer words "$current" "--role --group --groups --ttl --kind --json --no-input --no-color -h --help" ;;
      "/identity/list") _hoopctl_offer words "$current" "--json --no-input --no-color -h --help" ;;
      "/identity/revoke") _hoopctl_offer words "$current" "-y --yes --json --no-input --no-color -h --help" ;;
      "/whoami") _hoopctl_offer words "$current" "--json --no-input --no-color -h --help" ;;
      "/webhook") _hoopctl_offer words "$current" "--json --no-input --no-color -h --help" ;;
      "/webhook/add") _hoopctl_offer words "$current" "--url-stdin --format --json --no-input --no-color -h --help" ;;
      "/webhook/list") _hoopctl_offer words "$current" "--json --no-input --no-color -h --help" ;;
      "/webhook/test") _hoopctl_offer words "$current" "--json --no-input --no-color -h --help" ;;
      "/webhook/remove") _hoopctl_offer words "$current" "-y --yes --json --no-input --no-color -h --help" ;;
      "/audit") _hoopctl_offer words "$current" "--json --no-input --no-color -h --help" ;;
      "/audit/tail") _hoopctl_offer words "$current" "-f --follow -n --lines --json --no-input --no-color -h --help" ;;
      "/audit/verify") _hoopctl_offer words "$current" "--json --no-input --no-color -h --help" ;;
      "/audit/export") _hoopctl_offer words "$current" "--since --until -o --output --json --no-input --no-color -h --help" ;;
      "/doctor") _hoopctl_offer words "$current" "--json --no-input --no-color -h --help" ;;
      "/completion") _hoopctl_offer words "$current" "--json --no-input --no-color -h --help" ;;
      "/help") _hoopctl_offer words "$current" "" ;;
    esac
    return
  fi
  case "$verb" in
    "") _hoopctl_offer words "$current" "demo init daemon gateway login logout context connection connect proxy ssh-config kubeconfig exec request run withdraw credential approvals approve deny comment session replay policy identity whoami webhook audit doctor completion help" ;;
    "/daemon") _hoopctl_offer words "$current" "start stop restart status logs" ;;
    "/gateway") _hoopctl_offer words "$current" "start openapi" ;;
    "/context") _hoopctl_offer words "$current" "list use remove" ;;
    "/connection") _hoopctl_offer words "$current" "add list show test edit remove" ;;
    "/connection/show") _hoopctl_offer names "$current" connections ;;
    "/connection/test") _hoopctl_offer names "$current" connections ;;
    "/connection/edit") _hoopctl_offer names "$current" connections ;;
    "/connection/remove") _hoopctl_offer names "$current" connections ;;
    "/connect") _hoopctl_offer names "$current" connections ;;
    "/proxy") _hoopctl_offer names "$current" connections ;;
    "/ssh-config") _hoopctl_offer names "$current" connections ;;
    "/kubeconfig") _hoopctl_offer names "$current" connections ;;
    "/exec") _hoopctl_offer names "$current" connections ;;
    "/request") _hoopctl_offer names "$current" connections ;;
    "/run") _hoopctl_offer names "$current" approvals ;;
    "/withdraw") _hoopctl_offer names "$current" approvals ;;
    "/credential") _hoopctl_offer names "$current" connections ;;
    "/approvals") _hoopctl_offer names "$current" approvals ;;
    "/approve") _hoopctl_offer names "$current" approvals ;;
    "/deny") _hoopctl_offer names "$current" approvals ;;
    "/comment") _hoopctl_offer names "$current" approvals ;;
    "/session") _hoopctl_offer words "$current" "list show kill" ;;
    "/session/show") _hoopctl_offer names "$current" sessions ;;
    "/session/kill") _hoopctl_offer names "$current" sessions ;;
    "/replay") _hoopctl_offer names "$current" sessions ;;
    "/policy") _hoopctl_offer words "$current" "check explain test diff apply" ;;
    "/policy/check") _hoopctl_offer files "$current" ;;
    "/policy/test") _hoopctl_offer files "$current" ;;
    "/policy/diff") _hoopctl_offer files "$current" ;;
    "/policy/apply") _hoopctl_offer files "$current" ;;
    "/identity") _hoopctl_offer words "$current" "create list revoke" ;;
    "/identity/revoke") _hoopctl_offer names "$current" identities ;;
    "/webhook") _hoopctl_offer words "$current" "add list test remove" ;;
    "/audit") _hoopctl_offer words "$current" "tail verify export" ;;
    "/completion") _hoopctl_offer words "$current" "bash zsh fish" ;;
    "/help") _hoopctl_offer words "$current" "demo init daemon gateway login logout context connection connect proxy ssh-config kubeconfig exec request run withdraw credential approvals approve deny comment session replay policy identity whoami webhook audit doctor completion exit-codes environment" ;;
  esac
}
complete -F _hoopctl hoopctl
