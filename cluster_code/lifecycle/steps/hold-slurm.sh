# A node that is half made must not take jobs, whoever starts slurmd: HyperPod's agent, systemd after a reboot, or the step
# start-slurm. It also waits for the shared file systems, in every boot from now on. Where slurmd runs already, Slurm is
# told to send nothing here; after a failure it stays so.
# shellcheck shell=bash

run() {
  local mounts
  rm -f "$READY"
  mounts=$(node rows mounts path)
  {
    echo '[Unit]'
    echo "AssertPathExists=$READY"
    if [[ -n $mounts ]]; then
      echo "RequiresMountsFor=${mounts//$'\n'/ }"
    fi
  } | put /etc/systemd/system/slurmd.service.d/10-trainyard.conf 644
  systemctl daemon-reload
  if [[ $(node get slurm.daemons) == started-before ]]; then
    # A node that Slurm does not know yet is none to it without slurmd.
    scontrol update NodeName="$(hostname -s)" State=DRAIN Reason="$HELD" || systemctl stop slurmd.service ||
      die "slurmd runs, and neither takes scontrol the node out nor does systemctl stop it"
  fi
}
