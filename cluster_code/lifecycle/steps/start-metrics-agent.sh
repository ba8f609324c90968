# Prometheus in agent mode: it reads this node's exporters and sends on what they say. Its configuration is a parameter of
# Systems Manager, for the workspace's address is known only when everything is deployed. JSON is YAML to Prometheus.
# shellcheck shell=bash

# Its own page is for whoever is on the node.
LISTEN=--web.listen-address=127.0.0.1:9090

run() {
  local parameter config=/etc/trainyard/prometheus.yml folder=/var/lib/trainyard/prometheus
  parameter=$(node get agent.parameters)/$NODE_TYPE
  aws ssm get-parameter --region "$REGION" --name "$parameter" --query Parameter.Value --output text >"$STATE/agent" ||
    die "the parameter $parameter cannot be read with the node's role"
  [[ -s $STATE/agent ]] || die "the parameter $parameter is empty"
  put "$config" 644 <"$STATE/agent"
  mkdir -p "$folder"
  if [[ $(node get agent.kind) == image ]]; then
    fetch "$(node get agent.image)"
    # Its user is nobody.
    chown 65534:65534 "$folder"
    contain metrics-agent "the metrics agent" "$config" \
      "--net=host --env=HOSTNAME --volume=$config:$config:ro --volume=$folder:$folder" \
      "--agent --config.file=$config --storage.agent.path=$folder $LISTEN"
  else
    parameter=$(node get agent.path)
    [[ -x $parameter ]] || die "the image lacks the metrics agent $parameter"
    keep_up metrics-agent "the metrics agent" "$config" \
      "$parameter --agent --config.file=$config --storage.agent.path=$folder $LISTEN"
  fi
}
