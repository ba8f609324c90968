# Slurm's daemons, last: whatever they read is in place. slurmd reads its configuration from the controller, and a login
# node needs no copy of it either.
# shellcheck shell=bash

run() {
  if [[ $NODE_TYPE == controller ]]; then
    systemctl enable slurmctld.service
    systemctl restart slurmctld.service || die "slurmctld does not start (journalctl -u slurmctld)"
    until_true 90 "slurmctld does not answer (scontrol ping)" answers
    return
  fi
  [[ -n $CONTROLLERS ]] || die "resource_config.json has no address of the controller yet"
  if [[ $NODE_TYPE == login ]]; then
    login
    until_true 90 "Slurm's commands do not reach the controller $CONTROLLERS" answers
    return
  fi
  asks slurmd SLURMD_OPTIONS </dev/null
  systemctl enable slurmd.service
  systemctl restart slurmd.service || die "slurmd does not start (journalctl -u slurmd); the controller is $CONTROLLERS"
  until_true 90 "slurmd does not stay up (journalctl -u slurmd)" systemctl is-active --quiet slurmd.service
}

# sackd keeps the configuration of a node without jobs, since 23.11. Before it there is slurmd, which fetches it and ends,
# for slurm.conf does not name such a node; units since 23.11 would take /run/slurm, where commands look, away with it.
login() {
  if systemctl cat sackd.service >/dev/null 2>&1; then
    asks sackd SACKD_OPTIONS </dev/null
    systemctl enable sackd.service
    systemctl restart sackd.service || die "sackd does not start (journalctl -u sackd); the controller is $CONTROLLERS"
  else
    asks slurmd SLURMD_OPTIONS <<<'RuntimeDirectoryPreserve=yes'
    systemctl enable slurmd.service
    systemctl restart slurmd.service || say "  slurmd fetched what it could"
  fi
}

# asks DAEMON VARIABLE: its unit names the controller; standard input is more of it. By a file: the unit reads one of the
# image's, which would win over the unit's own words.
asks() {
  put "/etc/trainyard/$1.env" 644 <<<"$2=\"--conf-server $CONTROLLERS\""
  {
    printf '[Service]\nEnvironmentFile=/etc/trainyard/%s.env\n' "$1"
    cat
  } | put "/etc/systemd/system/$1.service.d/30-trainyard-controller.conf" 644
  systemctl daemon-reload
}

answers() {
  scontrol ping | grep ' is UP' >/dev/null
}
