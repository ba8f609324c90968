# Session Manager is the way in: without its agent nobody could look at the node.
# shellcheck shell=bash

run() {
  local unit
  for unit in amazon-ssm-agent.service snap.amazon-ssm-agent.amazon-ssm-agent.service; do
    if systemctl cat "$unit" >/dev/null 2>&1; then
      systemctl is-active --quiet "$unit" || systemctl start "$unit" || true
      until_true 40 "$unit is not active: the node needs the endpoints of ssm, ssmmessages and ec2messages" \
        systemctl is-active --quiet "$unit"
      return
    fi
  done
  die "the image lacks the agent of Session Manager (amazon-ssm-agent)"
}
