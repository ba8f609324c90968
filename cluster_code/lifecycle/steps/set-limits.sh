# RDMA pins memory: a limit on it ends EFA and NCCL with "cannot allocate memory". Daemons do not read limits.d, so
# slurmd gets them by its unit, and jobs inherit them (slurm.conf: PropagateResourceLimits takes those of the login node).
# shellcheck shell=bash

run() {
  put /etc/security/limits.d/99-trainyard.conf 644 <<'LIMITS'
*    -  memlock  unlimited
*    -  nofile   1048576
*    -  stack    unlimited
root -  memlock  unlimited
root -  nofile   1048576
LIMITS
  put /etc/systemd/system/slurmd.service.d/20-trainyard-limits.conf 644 <<'UNIT'
[Service]
LimitMEMLOCK=infinity
LimitNOFILE=1048576
LimitSTACK=infinity
TasksMax=infinity
UNIT
  systemctl daemon-reload
}
