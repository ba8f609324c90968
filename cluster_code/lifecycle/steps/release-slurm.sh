# Everything before this step is done: slurmd may start from now on, in this boot and later ones.
# shellcheck shell=bash

run() {
  local before
  before=$([[ $(node get slurm.daemons) == started-before ]] && echo true || echo false)
  if [[ $NODE_TYPE == controller ]]; then
    # Nodes that read their configuration from the controller have what it was before this run, hooks and plugins left
    # out (awsome-distributed-training #638).
    # A slurmctld that does not run reads it when it starts.
    if [[ $before == true ]] && scontrol ping | grep ' is UP' >/dev/null; then
      scontrol reconfigure || die "slurmctld refuses its configuration (scontrol reconfigure)"
    fi
    return
  fi
  put "$READY" 644 <<<"$INSTANCE_ID"
  if [[ $before == true ]]; then
    # It was held back, or runs with the limits of before.
    systemctl reset-failed slurmd.service || true
    systemctl restart slurmd.service || die "slurmd does not start (journalctl -u slurmd)"
    until_true 40 "Slurm does not take the node back (scontrol update State=RESUME)" taken_back
  fi
}

taken_back() {
  local known
  known=$(scontrol show node "$(hostname -s)") || return 1
  ! grep -qF "$HELD" <<<"$known" || scontrol update NodeName="$(hostname -s)" State=RESUME
}
