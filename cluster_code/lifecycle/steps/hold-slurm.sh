# slurmd must not take jobs on a node that is half made, whoever starts it: HyperPod's agent, systemd after a reboot, or
# the step start-slurm. It also waits for the shared file systems, in every boot from now on.
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
}
