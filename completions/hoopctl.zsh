#compdef hoopctl
# zsh completion for hoopctl; made by `npm run completions`, do not edit.
_hoopctl_names() {
  local -a names
  local value description
  while IFS=$'\t' read -r value description; do
    names+=("${value//:/\\:}:$description")
  done < <(command "${words[1]}" __complete "$1" 2>/dev/null)
  _describe "$1" names
}

_hoopctl() {
  local verb='' i
  local -a offers
  for (( i = 2; i < CURRENT; i++ )); do
    [[ ${words[i]} == -- ]] && { _files; return }
    case "$verb/${words[i]}" in
      (/demo|/init|/daemon|/daemon/start|/daemon/stop|/daemon/restart|/daemon/status|/daemon/logs|/gateway|/gateway/start|/gateway/openapi|/login|/logout|/context|/context/list|/context/use|/context/remove|/connection|/connection/add|/connection/list|/connection/show|/connection/test|/connection/edit|/connection/remove|/connect|/proxy|/ssh-config|/kubeconfig|/exec|/request|/run|/withdraw|/credential|/approvals|/approve|/deny|/comment|/session|/session/list|/session/show|/session/kill|/replay|/policy|/policy/check|/policy/explain|/policy/test|/policy/diff|/policy/apply|/identity|/identity/create|/identity/list|/identity/revoke|/whoami|/webhook|/webhook/add|/webhook/list|/webhook/test|/webhook/remove|/audit|/audit/tail|/audit/verify|/audit/export|/doctor|/completion|/help) verb="$verb/${words[i]}" ;;
    esac
  done
  case "$verb:${words[CURRENT-1]}" in
    (/gateway/start:--config) _files; return ;;
    (/login:--name) return ;;
    (/login:--ca) _files; return ;;
    (/login:--fingerprint) return ;;
    (/login:--issuer) return ;;
    (/login:--client-id) return ;;
    (/login:--scope) return ;;
    (/login:--audience) return ;;
    (/login:--private-key) _files; return ;;
    (/login:--on-behalf-of) return ;;
    (/login:--saml) return ;;
    (/connection/add:--url) return ;;
    (/connection/add:--secret-ref) return ;;
    (/connection/add:--key) return ;;
    (/connection/add:--key-passphrase-ref) return ;;
    (/connection/add:--jump) _hoopctl_names connections; return ;;
    (/connection/add:--known-hosts) _files; return ;;
    (/connection/add:--host-ca) _files; return ;;
    (/connection/add:--kubeconfig) _files; return ;;
    (/connection/add:--context) return ;;
    (/connection/add:--label) return ;;
    (/connection/edit:--url) return ;;
    (/connection/edit:--secret-ref) return ;;
    (/connection/edit:--key) return ;;
    (/connection/edit:--key-passphrase-ref) return ;;
    (/connection/edit:--jump) _hoopctl_names connections; return ;;
    (/connection/edit:--known-hosts) _files; return ;;
    (/connection/edit:--host-ca) _files; return ;;
    (/connection/edit:--kubeconfig) _files; return ;;
    (/connection/edit:--context) return ;;
    (/connection/edit:--label) return ;;
    (/connect:--client) return ;;
    (/connect:--reason) return ;;
    (/connect:--ticket) return ;;
    (/proxy:--port) return ;;
    (/proxy:--reason) return ;;
    (/proxy:--ticket) return ;;
    (/kubeconfig:--port) return ;;
    (/exec:-c|/exec:--command) return ;;
    (/exec:-f|/exec:--file) _files; return ;;
    (/exec:--wait) return ;;
    (/exec:--reason) return ;;
    (/exec:--ticket) return ;;
    (/request:-c|/request:--command) return ;;
    (/request:-f|/request:--file) _files; return ;;
    (/request:--reason) return ;;
    (/request:--ticket) return ;;
    (/request:--wait) return ;;
    (/run:--wait) return ;;
    (/credential:--ttl) return ;;
    (/credential:--ssh-key) _files; return ;;
    (/credential:--revoke) return ;;
    (/approve:--comment) return ;;
    (/deny:-r|/deny:--reason) return ;;
    (/session/list:--connection) _hoopctl_names connections; return ;;
    (/session/list:--identity) _hoopctl_names identities; return ;;
    (/session/list:--decision) offers=(blocked approved denied); _describe value offers; return ;;
    (/session/list:--status) offers=(open closed interrupted); _describe value offers; return ;;
    (/session/list:--text) return ;;
    (/session/list:--since) return ;;
    (/session/list:--until) return ;;
    (/session/list:--limit) return ;;
    (/replay:--speed) return ;;
    (/replay:--asciicast) _files; return ;;
    (/replay:--html) _files; return ;;
    (/policy/explain:--connection) _hoopctl_names connections; return ;;
    (/policy/explain:--as) _hoopctl_names identities; return ;;
    (/policy/explain:--policy) _files; return ;;
    (/policy/explain:--reason) return ;;
    (/policy/explain:--ticket) return ;;
    (/policy/test:--policy) _files; return ;;
    (/identity/create:--role) offers=(owner approver requester auditor); _describe value offers; return ;;
    (/identity/create:--group) return ;;
    (/identity/create:--groups) return ;;
    (/identity/create:--ttl) return ;;
    (/identity/create:--kind) offers=(person machine); _describe value offers; return ;;
    (/webhook/add:--format) offers=(json slack); _describe value offers; return ;;
    (/audit/tail:-n|/audit/tail:--lines) return ;;
    (/audit/export:--since) return ;;
    (/audit/export:--until) return ;;
    (/audit/export:-o|/audit/export:--output) _files; return ;;
  esac
  if [[ ${words[CURRENT]} == -* ]]; then
    case "$verb" in
      ('') offers=('-V:print the version' '--version:print the version' '--json:print JSON: one document, or one object a line for streams' '--no-input:never ask; fail with exit 2 and name the flag that answers' '--no-color:no colour (as NO_COLOR=1)' '-h:print help' '--help:print help') ;;
      ('/demo') offers=('--keep:leave it running and print what to try in two terminals' '--ssh:a machine reached by SSH instead; needs sshd on this one' '--json:print JSON: one document, or one object a line for streams' '--no-input:never ask; fail with exit 2 and name the flag that answers' '--no-color:no colour (as NO_COLOR=1)' '-h:print help' '--help:print help') ;;
      ('/init') offers=('--approver-passphrase-stdin:read the approver passphrase (8 characters or more) from stdin' '--json:print JSON: one document, or one object a line for streams' '--no-input:never ask; fail with exit 2 and name the flag that answers' '--no-color:no colour (as NO_COLOR=1)' '-h:print help' '--help:print help') ;;
      ('/daemon') offers=('--json:print JSON: one document, or one object a line for streams' '--no-input:never ask; fail with exit 2 and name the flag that answers' '--no-color:no colour (as NO_COLOR=1)' '-h:print help' '--help:print help') ;;
      ('/daemon/start') offers=('--foreground:stay in front, for service managers; logs go to stderr' '--json:print JSON: one document, or one object a line for streams' '--no-input:never ask; fail with exit 2 and name the flag that answers' '--no-color:no colour (as NO_COLOR=1)' '-h:print help' '--help:print help') ;;
      ('/daemon/stop') offers=('--json:print JSON: one document, or one object a line for streams' '--no-input:never ask; fail with exit 2 and name the flag that answers' '--no-color:no colour (as NO_COLOR=1)' '-h:print help' '--help:print help') ;;
      ('/daemon/restart') offers=('--json:print JSON: one document, or one object a line for streams' '--no-input:never ask; fail with exit 2 and name the flag that answers' '--no-color:no colour (as NO_COLOR=1)' '-h:print help' '--help:print help') ;;
      ('/daemon/status') offers=('--json:print JSON: one document, or one object a line for streams' '--no-input:never ask; fail with exit 2 and name the flag that answers' '--no-color:no colour (as NO_COLOR=1)' '-h:print help' '--help:print help') ;;
      ('/daemon/logs') offers=('-f:go on with what comes' '--follow:go on with what comes' '--json:print JSON: one document, or one object a line for streams' '--no-input:never ask; fail with exit 2 and name the flag that answers' '--no-color:no colour (as NO_COLOR=1)' '-h:print help' '--help:print help') ;;
      ('/gateway') offers=('--json:print JSON: one document, or one object a line for streams' '--no-input:never ask; fail with exit 2 and name the flag that answers' '--no-color:no colour (as NO_COLOR=1)' '-h:print help' '--help:print help') ;;
      ('/gateway/start') offers=('--config:the gateway'\''s configuration' '--check:read the configuration and start nothing' '--tls-self-signed:for trials: a certificate of its own, trusted by its fingerprint at login' '--json:print JSON: one document, or one object a line for streams' '--no-input:never ask; fail with exit 2 and name the flag that answers' '--no-color:no colour (as NO_COLOR=1)' '-h:print help' '--help:print help') ;;
      ('/gateway/openapi') offers=('--json:print JSON: one document, or one object a line for streams' '--no-input:never ask; fail with exit 2 and name the flag that answers' '--no-color:no colour (as NO_COLOR=1)' '-h:print help' '--help:print help') ;;
      ('/login') offers=('--name:what to call the gateway; default: its host'\''s name' '--ca:trust certificates of this authority (PEM)' '--fingerprint:trust this certificate alone' '--issuer:the identity provider: its URL, or the policy'\''s name for it' '--client-id:the client to sign in as; default: as the policy says' '--scope:what to ask for instead of what the policy says; may be repeated' '--audience:what the token is to be for; default: as the policy says' '--client-secret-stdin:a machine: read the secret of its client from stdin' '--private-key:a machine: the key of its client (PEM)' '--token-stdin:read a token from stdin: of a workload, or of an identity created there' '--on-behalf-of:a machine: say for whom it acts' '--allow-http-loopback:for trials: an issuer over plain http on this machine' '--saml:sign in through a SAML provider of the policy' '--code-stdin:--saml: read the code that the browser shows from stdin' '--fresh:sign in anew at the provider, as approving may ask' '--no-browser:only print where to sign in' '--json:print JSON: one document, or one object a line for streams' '--no-input:never ask; fail with exit 2 and name the flag that answers' '--no-color:no colour (as NO_COLOR=1)' '-h:print help' '--help:print help') ;;
      ('/logout') offers=('--json:print JSON: one document, or one object a line for streams' '--no-input:never ask; fail with exit 2 and name the flag that answers' '--no-color:no colour (as NO_COLOR=1)' '-h:print help' '--help:print help') ;;
      ('/context') offers=('--json:print JSON: one document, or one object a line for streams' '--no-input:never ask; fail with exit 2 and name the flag that answers' '--no-color:no colour (as NO_COLOR=1)' '-h:print help' '--help:print help') ;;
      ('/context/list') offers=('--json:print JSON: one document, or one object a line for streams' '--no-input:never ask; fail with exit 2 and name the flag that answers' '--no-color:no colour (as NO_COLOR=1)' '-h:print help' '--help:print help') ;;
      ('/context/use') offers=('--json:print JSON: one document, or one object a line for streams' '--no-input:never ask; fail with exit 2 and name the flag that answers' '--no-color:no colour (as NO_COLOR=1)' '-h:print help' '--help:print help') ;;
      ('/context/remove') offers=('-y:do it without asking' '--yes:do it without asking' '--json:print JSON: one document, or one object a line for streams' '--no-input:never ask; fail with exit 2 and name the flag that answers' '--no-color:no colour (as NO_COLOR=1)' '-h:print help' '--help:print help') ;;
      ('/connection') offers=('--json:print JSON: one document, or one object a line for streams' '--no-input:never ask; fail with exit 2 and name the flag that answers' '--no-color:no colour (as NO_COLOR=1)' '-h:print help' '--help:print help') ;;
      ('/connection/add') offers=('--url:postgres://user@host:port/database?sslmode=…, a libpq keyword string, ssh://user@host:port, or kubernetes://host:port?ca-file=…' '--password-stdin:read the target'\''s password, or a private key, from stdin' '--secret-ref:read it when a session opens: env:NAME, file:PATH or exec:COMMAND' '--key:SSH: the private key, as file:/absolute/path or exec:COMMAND' '--key-passphrase-stdin:SSH: read the passphrase of the private key from stdin' '--key-passphrase-ref:SSH: read it when a session opens: env:NAME, file:PATH or exec:COMMAND' '--jump:SSH: reach the host through another SSH connection' '--known-hosts:SSH: know the host by a known_hosts file' '--host-ca:SSH: know the host by certificates that a key of this file has signed' '--accept-host-key:SSH: take the key that the host shows now for its own, without asking' '--kubeconfig:Kubernetes: the cluster and credential of a kubeconfig' '--context:Kubernetes: its context; default: the current one' '--impersonate:Kubernetes: requests run in the cluster as the requester' '--label:a label that policies can name; may be repeated' '--no-test:save it without connecting' '--json:print JSON: one document, or one object a line for streams' '--no-input:never ask; fail with exit 2 and name the flag that answers' '--no-color:no colour (as NO_COLOR=1)' '-h:print help' '--help:print help') ;;
      ('/connection/list') offers=('--json:print JSON: one document, or one object a line for streams' '--no-input:never ask; fail with exit 2 and name the flag that answers' '--no-color:no colour (as NO_COLOR=1)' '-h:print help' '--help:print help') ;;
      ('/connection/show') offers=('--json:print JSON: one document, or one object a line for streams' '--no-input:never ask; fail with exit 2 and name the flag that answers' '--no-color:no colour (as NO_COLOR=1)' '-h:print help' '--help:print help') ;;
      ('/connection/test') offers=('--json:print JSON: one document, or one object a line for streams' '--no-input:never ask; fail with exit 2 and name the flag that answers' '--no-color:no colour (as NO_COLOR=1)' '-h:print help' '--help:print help') ;;
      ('/connection/edit') offers=('--url:postgres://user@host:port/database?sslmode=…, a libpq keyword string, ssh://user@host:port, or kubernetes://host:port?ca-file=…' '--password-stdin:read the target'\''s password, or a private key, from stdin' '--secret-ref:read it when a session opens: env:NAME, file:PATH or exec:COMMAND' '--key:SSH: the private key, as file:/absolute/path or exec:COMMAND' '--key-passphrase-stdin:SSH: read the passphrase of the private key from stdin' '--key-passphrase-ref:SSH: read it when a session opens: env:NAME, file:PATH or exec:COMMAND' '--jump:SSH: reach the host through another SSH connection' '--known-hosts:SSH: know the host by a known_hosts file' '--host-ca:SSH: know the host by certificates that a key of this file has signed' '--accept-host-key:SSH: take the key that the host shows now for its own, without asking' '--kubeconfig:Kubernetes: the cluster and credential of a kubeconfig' '--context:Kubernetes: its context; default: the current one' '--impersonate:Kubernetes: requests run in the cluster as the requester' '--label:replace all labels; may be repeated' '--no-test:save it without connecting' '--json:print JSON: one document, or one object a line for streams' '--no-input:never ask; fail with exit 2 and name the flag that answers' '--no-color:no colour (as NO_COLOR=1)' '-h:print help' '--help:print help') ;;
      ('/connection/remove') offers=('-y:do it without asking' '--yes:do it without asking' '--json:print JSON: one document, or one object a line for streams' '--no-input:never ask; fail with exit 2 and name the flag that answers' '--no-color:no colour (as NO_COLOR=1)' '-h:print help' '--help:print help') ;;
      ('/connect') offers=('--client:the client to run instead of psql' '--reason:why, for approvers and records; rules may require it' '--ticket:the ticket it belongs to; rules may require it' '--json:print JSON: one document, or one object a line for streams' '--no-input:never ask; fail with exit 2 and name the flag that answers' '--no-color:no colour (as NO_COLOR=1)' '-h:print help' '--help:print help') ;;
      ('/proxy') offers=('--port:the port on 127.0.0.1; default: an unused one' '--socket:a Unix socket instead of a port' '--stdio:one SSH client on stdin and stdout, for OpenSSH'\''s ProxyCommand' '--reason:why, for approvers and records; rules may require it' '--ticket:the ticket it belongs to; rules may require it' '--json:print JSON: one document, or one object a line for streams' '--no-input:never ask; fail with exit 2 and name the flag that answers' '--no-color:no colour (as NO_COLOR=1)' '-h:print help' '--help:print help') ;;
      ('/ssh-config') offers=('--install:write them to ~/.ssh/hoopctl.conf and include that in ~/.ssh/config, once' '--json:print JSON: one document, or one object a line for streams' '--no-input:never ask; fail with exit 2 and name the flag that answers' '--no-color:no colour (as NO_COLOR=1)' '-h:print help' '--help:print help') ;;
      ('/kubeconfig') offers=('--port:the port on 127.0.0.1; default: an unused one, kept in the file' '--credential:what clients run: print an ExecCredential for the endpoint at --port' '--hold:what that starts where a gateway is in use: relay clients to it until nobody asks any more' '--json:print JSON: one document, or one object a line for streams' '--no-input:never ask; fail with exit 2 and name the flag that answers' '--no-color:no colour (as NO_COLOR=1)' '-h:print help' '--help:print help') ;;
      ('/exec') offers=('-c:the statement; may be repeated' '--command:the statement; may be repeated' '-f:a file of statements' '--file:a file of statements' '--wait:how long to wait for approvals, as 90s or 20m; default: their expiry' '--reason:why, for approvers and records; rules may require it' '--ticket:the ticket it belongs to; rules may require it' '--json:print JSON: one document, or one object a line for streams' '--no-input:never ask; fail with exit 2 and name the flag that answers' '--no-color:no colour (as NO_COLOR=1)' '-h:print help' '--help:print help') ;;
      ('/request') offers=('-c:the text' '--command:the text' '-f:a file that holds it' '--file:a file that holds it' '--reason:why, for approvers and records; rules may require it' '--ticket:the ticket it belongs to; rules may require it' '--wait:how long to wait for the decision, as 90s or 20m; default: until the request expires' '--no-wait:print the id at once' '--json:print JSON: one document, or one object a line for streams' '--no-input:never ask; fail with exit 2 and name the flag that answers' '--no-color:no colour (as NO_COLOR=1)' '-h:print help' '--help:print help') ;;
      ('/run') offers=('--wait:wait so long for the approval; default: not at all' '--json:print JSON: one document, or one object a line for streams' '--no-input:never ask; fail with exit 2 and name the flag that answers' '--no-color:no colour (as NO_COLOR=1)' '-h:print help' '--help:print help') ;;
      ('/withdraw') offers=('--json:print JSON: one document, or one object a line for streams' '--no-input:never ask; fail with exit 2 and name the flag that answers' '--no-color:no colour (as NO_COLOR=1)' '-h:print help' '--help:print help') ;;
      ('/credential') offers=('--ttl:how long it works, as 15m or 2h; default 15m, at most 12h' '--ssh-key:SSH: a public key that may stand for the password' '--list:those there are' '--revoke:end one, and the sessions it opened' '--json:print JSON: one document, or one object a line for streams' '--no-input:never ask; fail with exit 2 and name the flag that answers' '--no-color:no colour (as NO_COLOR=1)' '-h:print help' '--help:print help') ;;
      ('/approvals') offers=('-w:show requests as they come (off a terminal: one JSON line per change)' '--watch:show requests as they come (off a terminal: one JSON line per change)' '--all:decided and ended ones as well' '--json:print JSON: one document, or one object a line for streams' '--no-input:never ask; fail with exit 2 and name the flag that answers' '--no-color:no colour (as NO_COLOR=1)' '-h:print help' '--help:print help') ;;
      ('/approve') offers=('--comment:what the requester is to know besides' '-y:do it without asking' '--yes:do it without asking' '--passphrase-stdin:read the approver'\''s passphrase from stdin instead of the terminal' '--json:print JSON: one document, or one object a line for streams' '--no-input:never ask; fail with exit 2 and name the flag that answers' '--no-color:no colour (as NO_COLOR=1)' '-h:print help' '--help:print help') ;;
      ('/deny') offers=('-r:why; asked for when left out' '--reason:why; asked for when left out' '-y:do it without asking' '--yes:do it without asking' '--passphrase-stdin:read the approver'\''s passphrase from stdin instead of the terminal' '--json:print JSON: one document, or one object a line for streams' '--no-input:never ask; fail with exit 2 and name the flag that answers' '--no-color:no colour (as NO_COLOR=1)' '-h:print help' '--help:print help') ;;
      ('/comment') offers=('--json:print JSON: one document, or one object a line for streams' '--no-input:never ask; fail with exit 2 and name the flag that answers' '--no-color:no colour (as NO_COLOR=1)' '-h:print help' '--help:print help') ;;
      ('/session') offers=('--json:print JSON: one document, or one object a line for streams' '--no-input:never ask; fail with exit 2 and name the flag that answers' '--no-color:no colour (as NO_COLOR=1)' '-h:print help' '--help:print help') ;;
      ('/session/list') offers=('--connection:of this connection' '--identity:of this identity' '--decision:with a statement blocked, approved, denied' '--status:open, closed, interrupted' '--text:with a statement that contains this' '--since:started since: ISO 8601, or a time ago as 2h or 7d' '--until:started until' '--limit:at most so many; default 200' '--json:print JSON: one document, or one object a line for streams' '--no-input:never ask; fail with exit 2 and name the flag that answers' '--no-color:no colour (as NO_COLOR=1)' '-h:print help' '--help:print help') ;;
      ('/session/show') offers=('--json:print JSON: one document, or one object a line for streams' '--no-input:never ask; fail with exit 2 and name the flag that answers' '--no-color:no colour (as NO_COLOR=1)' '-h:print help' '--help:print help') ;;
      ('/session/kill') offers=('-y:do it without asking' '--yes:do it without asking' '--json:print JSON: one document, or one object a line for streams' '--no-input:never ask; fail with exit 2 and name the flag that answers' '--no-color:no colour (as NO_COLOR=1)' '-h:print help' '--help:print help') ;;
      ('/replay') offers=('--speed:how many times as fast; default 1' '--no-wait:everything at once' '--asciicast:SSH: write what programs showed as asciicast v2, for asciinema play' '--html:write one page that plays the session in a browser, without any network' '--json:print JSON: one document, or one object a line for streams' '--no-input:never ask; fail with exit 2 and name the flag that answers' '--no-color:no colour (as NO_COLOR=1)' '-h:print help' '--help:print help') ;;
      ('/policy') offers=('--json:print JSON: one document, or one object a line for streams' '--no-input:never ask; fail with exit 2 and name the flag that answers' '--no-color:no colour (as NO_COLOR=1)' '-h:print help' '--help:print help') ;;
      ('/policy/check') offers=('--json:print JSON: one document, or one object a line for streams' '--no-input:never ask; fail with exit 2 and name the flag that answers' '--no-color:no colour (as NO_COLOR=1)' '-h:print help' '--help:print help') ;;
      ('/policy/explain') offers=('--connection:where it would run' '--as:who would run it; default: you' '--policy:a file instead of the applied policy' '--jsonl:many statements from stdin' '--reason:why, for approvers and records; rules may require it' '--ticket:the ticket it belongs to; rules may require it' '--json:print JSON: one document, or one object a line for streams' '--no-input:never ask; fail with exit 2 and name the flag that answers' '--no-color:no colour (as NO_COLOR=1)' '-h:print help' '--help:print help') ;;
      ('/policy/test') offers=('--policy:a file instead of the applied policy' '--json:print JSON: one document, or one object a line for streams' '--no-input:never ask; fail with exit 2 and name the flag that answers' '--no-color:no colour (as NO_COLOR=1)' '-h:print help' '--help:print help') ;;
      ('/policy/diff') offers=('--json:print JSON: one document, or one object a line for streams' '--no-input:never ask; fail with exit 2 and name the flag that answers' '--no-color:no colour (as NO_COLOR=1)' '-h:print help' '--help:print help') ;;
      ('/policy/apply') offers=('-y:do it without asking' '--yes:do it without asking' '--json:print JSON: one document, or one object a line for streams' '--no-input:never ask; fail with exit 2 and name the flag that answers' '--no-color:no colour (as NO_COLOR=1)' '-h:print help' '--help:print help') ;;
      ('/identity') offers=('--json:print JSON: one document, or one object a line for streams' '--no-input:never ask; fail with exit 2 and name the flag that answers' '--no-color:no colour (as NO_COLOR=1)' '-h:print help' '--help:print help') ;;
      ('/identity/create') offers=('--role:owner, approver, requester, auditor; may be repeated' '--group:a group it belongs to; may be repeated' '--groups:several groups, separated by commas' '--ttl:how long the token works, as 12h or 30d; default: until revoked' '--kind:person or machine; default: from the name and role' '--json:print JSON: one document, or one object a line for streams' '--no-input:never ask; fail with exit 2 and name the flag that answers' '--no-color:no colour (as NO_COLOR=1)' '-h:print help' '--help:print help') ;;
      ('/identity/list') offers=('--json:print JSON: one document, or one object a line for streams' '--no-input:never ask; fail with exit 2 and name the flag that answers' '--no-color:no colour (as NO_COLOR=1)' '-h:print help' '--help:print help') ;;
      ('/identity/revoke') offers=('-y:do it without asking' '--yes:do it without asking' '--json:print JSON: one document, or one object a line for streams' '--no-input:never ask; fail with exit 2 and name the flag that answers' '--no-color:no colour (as NO_COLOR=1)' '-h:print help' '--help:print help') ;;
      ('/whoami') offers=('--json:print JSON: one document, or one object a line for streams' '--no-input:never ask; fail with exit 2 and name the flag that answers' '--no-color:no colour (as NO_COLOR=1)' '-h:print help' '--help:print help') ;;
      ('/webhook') offers=('--json:print JSON: one document, or one object a line for streams' '--no-input:never ask; fail with exit 2 and name the flag that answers' '--no-color:no colour (as NO_COLOR=1)' '-h:print help' '--help:print help') ;;
      ('/webhook/add') offers=('--url-stdin:read the URL from stdin' '--format:json, or slack for an incoming webhook of Slack; default json' '--json:print JSON: one document, or one object a line for streams' '--no-input:never ask; fail with exit 2 and name the flag that answers' '--no-color:no colour (as NO_COLOR=1)' '-h:print help' '--help:print help') ;;
      ('/webhook/list') offers=('--json:print JSON: one document, or one object a line for streams' '--no-input:never ask; fail with exit 2 and name the flag that answers' '--no-color:no colour (as NO_COLOR=1)' '-h:print help' '--help:print help') ;;
      ('/webhook/test') offers=('--json:print JSON: one document, or one object a line for streams' '--no-input:never ask; fail with exit 2 and name the flag that answers' '--no-color:no colour (as NO_COLOR=1)' '-h:print help' '--help:print help') ;;
      ('/webhook/remove') offers=('-y:do it without asking' '--yes:do it without asking' '--json:print JSON: one document, or one object a line for streams' '--no-input:never ask; fail with exit 2 and name the flag that answers' '--no-color:no colour (as NO_COLOR=1)' '-h:print help' '--help:print help') ;;
      ('/audit') offers=('--json:print JSON: one document, or one object a line for streams' '--no-input:never ask; fail with exit 2 and name the flag that answers' '--no-color:no colour (as NO_COLOR=1)' '-h:print help' '--help:print help') ;;
      ('/audit/tail') offers=('-f:go on with what comes' '--follow:go on with what comes' '-n:how many; default 20' '--lines:how many; default 20' '--json:print JSON: one document, or one object a line for streams' '--no-input:never ask; fail with exit 2 and name the flag that answers' '--no-color:no colour (as NO_COLOR=1)' '-h:print help' '--help:print help') ;;
      ('/audit/verify') offers=('--json:print JSON: one document, or one object a line for streams' '--no-input:never ask; fail with exit 2 and name the flag that answers' '--no-color:no colour (as NO_COLOR=1)' '-h:print help' '--help:print help') ;;
      ('/audit/export') offers=('--since:from: ISO 8601, or a time ago as 2h or 7d' '--until:to' '-o:into a new file instead of stdout' '--output:into a new file instead of stdout' '--json:print JSON: one document, or one object a line for streams' '--no-input:never ask; fail with exit 2 and name the flag that answers' '--no-color:no colour (as NO_COLOR=1)' '-h:print help' '--help:print help') ;;
      ('/doctor') offers=('--json:print JSON: one document, or one object a line for streams' '--no-input:never ask; fail with exit 2 and name the flag that answers' '--no-color:no colour (as NO_COLOR=1)' '-h:print help' '--help:print help') ;;
      ('/completion') offers=('--json:print JSON: one document, or one object a line for streams' '--no-input:never ask; fail with exit 2 and name the flag that answers' '--no-color:no colour (as NO_COLOR=1)' '-h:print help' '--help:print help') ;;
      ('/help') offers=() ;;
    esac
    _describe option offers
    return
  fi
  case "$verb" in
    ('') offers=('demo:a sample database, a policy, a governed session: nothing to install first' 'init:state directory, keys, owner identity, approver passphrase' 'daemon:the process that stands between clients and targets' 'gateway:the daemon for a team: the same, reached over TLS' 'login:sign in to a gateway, or to the local daemon, with an identity provider' 'logout:end the sign-in, here, at the gateway and at the provider' 'context:gateways that you signed in to, and which one commands go to' 'connection:named targets, each with a reference to its credential' 'connect:open the native client (psql, pgcli, ssh …) through the daemon' 'proxy:hold a local endpoint open and print how to reach it' 'ssh-config:print Host blocks, so that ssh, scp, sftp, rsync and git go through the gateway' 'kubeconfig:print a kubeconfig, so that kubectl, helm, k9s and client libraries go through the daemon' 'exec:run statements once, for scripts and CI' 'request:ask ahead for the approval of a text, to run it later with: hoopctl run ID' 'run:run a request that was approved: exactly its bytes, once' 'withdraw:take back a request of yours' 'credential:a short-lived password for clients without hoopctl, through a gateway' 'approvals:what is waiting; --watch asks about each as it arrives' 'approve:show the exact statement that waits, and let it run once' 'deny:refuse a statement that waits; the requester reads the reason' 'comment:say something of a request without deciding it; the requester reads it' 'session:who was connected to what' 'replay:play a session back as it happened' 'policy:the file that decides about every statement' 'identity:who may ask, approve, audit, own' 'whoami:the identity you act as, and what it may open' 'webhook:who is told of approvals over HTTP; being told decides nothing' 'audit:the hash-chained log of every decision' 'doctor:what is wrong or weak on this machine, each with its fix' 'completion:print the completion script of a shell' 'help:a verb in detail'); _describe verb offers ;;
    ('/daemon') offers=('start:start it, and return when it serves' 'stop:end its sessions, flush everything, stop it' 'restart:stop and start it; what waits for approval ends' 'status:is it running, since when, with which policy; exit 3 when it is not' 'logs:the daemon'\''s own log'); _describe verb offers ;;
    ('/gateway') offers=('start:serve in front until SIGTERM, which lets open sessions end' 'openapi:the OpenAPI document of the API'); _describe verb offers ;;
    ('/context') offers=('list:all of them; * marks the one in use' 'use:from now on commands go there; "local" is the daemon on this machine' 'remove:sign out and forget it'); _describe verb offers ;;
    ('/connection') offers=('add:test a target and save it under a name' 'list:connections, and whether you may open them' 'show:one connection in detail' 'test:connect, look around, disconnect' 'edit:change its URL, credential or labels' 'remove:forget a connection and its stored credential'); _describe verb offers ;;
    ('/connection/show') _hoopctl_names connections ;;
    ('/connection/test') _hoopctl_names connections ;;
    ('/connection/edit') _hoopctl_names connections ;;
    ('/connection/remove') _hoopctl_names connections ;;
    ('/connect') _hoopctl_names connections ;;
    ('/proxy') _hoopctl_names connections ;;
    ('/ssh-config') _hoopctl_names connections ;;
    ('/kubeconfig') _hoopctl_names connections ;;
    ('/exec') _hoopctl_names connections ;;
    ('/request') _hoopctl_names connections ;;
    ('/run') _hoopctl_names approvals ;;
    ('/withdraw') _hoopctl_names approvals ;;
    ('/credential') _hoopctl_names connections ;;
    ('/approvals') _hoopctl_names approvals ;;
    ('/approve') _hoopctl_names approvals ;;
    ('/deny') _hoopctl_names approvals ;;
    ('/comment') _hoopctl_names approvals ;;
    ('/session') offers=('list:sessions, newest first' 'show:one session in detail' 'kill:end an open session now'); _describe verb offers ;;
    ('/session/show') _hoopctl_names sessions ;;
    ('/session/kill') _hoopctl_names sessions ;;
    ('/replay') _hoopctl_names sessions ;;
    ('/policy') offers=('check:find what is wrong in a file; exit 2 when something is' 'explain:what a statement does, which rules match, what is decided' 'test:run a table of expectations kept beside the policy' 'diff:what applying a file would change' 'apply:make a file the policy; running sessions take it at their next statement'); _describe verb offers ;;
    ('/policy/check') _files ;;
    ('/policy/test') _files ;;
    ('/policy/diff') _files ;;
    ('/policy/apply') _files ;;
    ('/identity') offers=('create:make an identity and print its token, once, as the last line' 'list:identities, their roles and whether they still work' 'revoke:end an identity and its live sessions'); _describe verb offers ;;
    ('/identity/revoke') _hoopctl_names identities ;;
    ('/webhook') offers=('add:tell a URL of every approval; prints the signing key, once, as the last line' 'list:webhooks and where they point' 'test:send one message now and say what became of it' 'remove:tell it nothing more; what waits for it is dropped'); _describe verb offers ;;
    ('/audit') offers=('tail:the last entries' 'verify:prove that nothing was changed; exit 1 names the first broken entry' 'export:all entries as JSON lines'); _describe verb offers ;;
    ('/completion') offers=(bash zsh fish); _describe value offers ;;
    ('/help') offers=('demo:a sample database, a policy, a governed session: nothing to install first' 'init:state directory, keys, owner identity, approver passphrase' 'daemon:the process that stands between clients and targets' 'gateway:the daemon for a team: the same, reached over TLS' 'login:sign in to a gateway, or to the local daemon, with an identity provider' 'logout:end the sign-in, here, at the gateway and at the provider' 'context:gateways that you signed in to, and which one commands go to' 'connection:named targets, each with a reference to its credential' 'connect:open the native client (psql, pgcli, ssh …) through the daemon' 'proxy:hold a local endpoint open and print how to reach it' 'ssh-config:print Host blocks, so that ssh, scp, sftp, rsync and git go through the gateway' 'kubeconfig:print a kubeconfig, so that kubectl, helm, k9s and client libraries go through the daemon' 'exec:run statements once, for scripts and CI' 'request:ask ahead for the approval of a text, to run it later with: hoopctl run ID' 'run:run a request that was approved: exactly its bytes, once' 'withdraw:take back a request of yours' 'credential:a short-lived password for clients without hoopctl, through a gateway' 'approvals:what is waiting; --watch asks about each as it arrives' 'approve:show the exact statement that waits, and let it run once' 'deny:refuse a statement that waits; the requester reads the reason' 'comment:say something of a request without deciding it; the requester reads it' 'session:who was connected to what' 'replay:play a session back as it happened' 'policy:the file that decides about every statement' 'identity:who may ask, approve, audit, own' 'whoami:the identity you act as, and what it may open' 'webhook:who is told of approvals over HTTP; being told decides nothing' 'audit:the hash-chained log of every decision' 'doctor:what is wrong or weak on this machine, each with its fix' 'completion:print the completion script of a shell' 'exit-codes:what each exit code means' 'environment:variables that are read'); _describe verb offers ;;
  esac
}

if [[ "${funcstack[1]}" == _hoopctl ]]; then
  _hoopctl "$@"
else
  compdef _hoopctl hoopctl
fi
