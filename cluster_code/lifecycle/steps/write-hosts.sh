# Nodes know each other by HyperPod's names for them. HyperPod writes resource_config.json again when the cluster changes;
# then the lines are written again.
# shellcheck shell=bash

run() {
  local file config=${SAGEMAKER_RESOURCE_CONFIG_PATH:-/opt/ml/config/resource_config.json}
  for file in "$LIFECYCLE"/{node/*.py,lib/places.sh,lib/tools.sh}; do
    put "$INSTALLED${file#"$LIFECYCLE"}" 644 <"$file"
  done
  put "$INSTALLED/hosts.sh" 755 <"$LIFECYCLE/files/hosts.sh"
  put /etc/systemd/system/trainyard-hosts.service 644 <<UNIT
[Unit]
Description=Names of the cluster's nodes in /etc/hosts

[Service]
Type=oneshot
Environment=SAGEMAKER_RESOURCE_CONFIG_PATH=$config
ExecStart=$INSTALLED/hosts.sh
UNIT
  put /etc/systemd/system/trainyard-hosts.path 644 <<UNIT
[Unit]
Description=Changes of $config

[Path]
PathChanged=$config

[Install]
WantedBy=multi-user.target
UNIT
  "$INSTALLED/hosts.sh"
  systemctl daemon-reload
  systemctl enable --now trainyard-hosts.path
}
