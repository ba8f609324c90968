# Slurm's daemons, last: whatever they read is in place. slurmd reads its configuration from the controller, so a login
# node needs no copy of it either; there slurmd fetches it and ends, for slurm.conf does not name such a node.
# shellcheck shell=bash

run() {
  if [[ $NODE_TYPE == controller ]]; then
    systemctl enable slurmctld.service
    systemctl restart slurmctld.service || die "slurmctld does not start (journalctl -u slurmctld)"
    until_true 90 "slurmctld does not answer (scontrol ping)" answers
    return
  fi
  [[ -n $CONTROLLERS ]] || die "resource_config.json has no address of the controller yet"
  put /etc/systemd/system/slurmd.service.d/30-trainyard-controller.conf 644 <<UNIT
[Service]
Environment="SLURMD_OPTIONS=--conf-server $CONTROLLERS"
UNIT
  systemctl daemon-reload
  systemctl enable slurmd.service
  if [[ $NODE_TYPE == login ]]; then
    systemctl restart slurmd.service || say "  slurmd fetched what it could"
    until_true 90 "Slurm's commands do not reach the controller $CONTROLLERS" answers
  else
    systemctl restart slurmd.service || die "slurmd does not start (journalctl -u slurmd); the controller is $CONTROLLERS"
    until_true 90 "slurmd does not stay up (journalctl -u slurmd)" systemctl is-active --quiet slurmd.service
  fi
}

answers() {
  scontrol ping | grep -q ' is UP'
}
