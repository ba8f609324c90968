# Everything before this step is done: slurmd may start from now on, in this boot and later ones.
# shellcheck shell=bash

run() {
  local before
  before=$([[ $(node get slurm.daemons) == started-before ]] && echo true || echo false)
  if [[ $NODE_TYPE == controller ]]; then
    # Nodes that read their configuration from the controller have what it was before this run, hooks and plugins left
    # out (awsome-distributed-training #638).
    [[ $before == false ]] || scontrol reconfigure || die "slurmctld refuses its configuration (scontrol reconfigure)"
    return
  fi
  printf '%s\n' "$INSTANCE_ID" >"$READY.new"
  sync "$READY.new"
  mv "$READY.new" "$READY"
  if [[ $before == true ]]; then
    # It was held back, or runs with the limits of before.
    systemctl reset-failed slurmd.service || true
    systemctl restart slurmd.service || die "slurmd does not start (journalctl -u slurmd)"
  fi
}
