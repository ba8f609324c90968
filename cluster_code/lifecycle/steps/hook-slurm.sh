# Prolog and epilog of jobs. Their files are on each compute node; the lines that name them are in the controller's
# slurm.conf, which HyperPod's agent writes, so ours are in a file of their own beside it.
# shellcheck shell=bash

run() {
  local hooks=$INSTALLED/hooks
  put "$hooks/prolog.sh" 755 <"$LIFECYCLE/files/prolog.sh"
  put "$hooks/epilog.sh" 755 <"$LIFECYCLE/files/epilog.sh"
  {
    printf 'MOUNTS=(%s)\n' "$(node rows mounts path | tr '\n' ' ')"
    printf 'SCRATCH=%q\n' "$(wanted scratch && node get scratch.path)"
  } | put "$hooks/settings" 644
  if [[ $NODE_TYPE == controller ]]; then
    put "$SLURM/etc/trainyard.conf" 644 <<CONF
Prolog=$hooks/prolog.sh
Epilog=$hooks/epilog.sh
$(weights)
CONF
    if [[ $(node get slurm.daemons) != started-after ]]; then
      until_true 120 "$CONTROLLER_CONF does not name this controller" written_by_agent
    fi
    include
  fi
}

# Slurm's own weights are all zero, and shares would count for nothing (Multifactor Priority Plugin, schedmd.com).
weights() {
  [[ -z $(each slurm.accounts name) ]] || printf 'PriorityWeightFairshare=100000'
}

# HyperPod's agent may write slurm.conf again when the cluster changes; then the line is added again.
include() {
  put "$INSTALLED/include.sh" 755 <"$LIFECYCLE/files/include.sh"
  put /etc/systemd/system/trainyard-hooks.service 644 <<UNIT
[Unit]
Description=Hooks of jobs in slurm.conf

[Service]
Type=oneshot
ExecStart=$INSTALLED/include.sh $CONTROLLER_CONF
ExecStart=$SLURM/bin/scontrol reconfigure
UNIT
  put /etc/systemd/system/trainyard-hooks.path 644 <<UNIT
[Unit]
Description=Changes of $CONTROLLER_CONF

[Path]
PathChanged=$CONTROLLER_CONF

[Install]
WantedBy=multi-user.target
UNIT
  if [[ -f $CONTROLLER_CONF ]]; then
    "$INSTALLED/include.sh" "$CONTROLLER_CONF"
  fi
  systemctl daemon-reload
  systemctl enable --now trainyard-hooks.path
}

written_by_agent() {
  grep -qs "^SlurmctldHost=.*$ADDRESS" "$CONTROLLER_CONF" || grep -qs "^SlurmctldAddr=.*$ADDRESS" "$CONTROLLER_CONF"
}
