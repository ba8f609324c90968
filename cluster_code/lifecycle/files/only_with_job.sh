#!/usr/bin/env bash
# PAM's account check of sshd: 0 for admins and for users who have a job on this node. When nobody answers, only admins.
set -uo pipefail

user=${PAM_USER:-}
if grep -qxF -- "$user" /etc/trainyard/admins 2>/dev/null; then
  exit 0
fi
if [[ -s /etc/trainyard/admin-group ]] && id -nG -- "$user" 2>/dev/null | tr ' ' '\n' | grep -qxF -f /etc/trainyard/admin-group; then
  exit 0
fi
export PATH=/opt/slurm/bin:/usr/bin:/bin
jobs=$(timeout 10 squeue --noheader --states=running,completing --user="$user" --nodelist="$(hostname -s)" 2>/dev/null)
if [[ -n $jobs ]]; then
  exit 0
fi
echo "You have no job on this node: enter it through srun, or while a job of yours runs here."
exit 1
