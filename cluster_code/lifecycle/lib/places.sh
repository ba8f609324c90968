# Where things lie, and how a line is said; the first are also in ml_contract/clusters/places.py.
# shellcheck shell=bash

STATE=/var/lib/trainyard/lifecycle
DONE=$STATE/done
LOG=/var/log/provision/lifecycle.log
INSTALLED=/opt/trainyard/lifecycle
SLURM=/opt/slurm
# Not SLURM_CONF: scontrol would look nowhere else, and on a worker that asks the controller there is no such file.
CONTROLLER_CONF=$SLURM/etc/slurm.conf
# slurmd of a node that is not ready does not start while this is missing. In /var/lib, for it must outlast a reboot.
READY=$STATE/ready
# What node_exporter serves beside its own figures: every job may write there. It outlives a reboot.
METRICS=/var/lib/trainyard/metrics
# Why Slurm sends no job to a node that is not ready.
HELD="trainyard: lifecycle"

export STATE DONE LOG INSTALLED SLURM CONTROLLER_CONF READY METRICS HELD

say() {
  printf '%(%FT%TZ)T %s\n' -1 "$*"
}

node() {
  # Alone: no site-packages, no PYTHON… of the environment.
  python3 -I -S "$LIFECYCLE/node.py" "$@"
}
