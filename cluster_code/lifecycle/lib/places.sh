# Where things lie, and how a line is said; the first are also in ml_contract/clusters/places.py.
# shellcheck shell=bash

STATE=/var/lib/trainyard/lifecycle
DONE=$STATE/done
LOG=/var/log/provision/lifecycle.log
# What a run tells itself. In memory: a reason can be given where the disk is full, and nothing of it outlives the power.
RUNNING=/run/trainyard/lifecycle
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

export STATE DONE LOG RUNNING INSTALLED SLURM CONTROLLER_CONF READY METRICS HELD

say() {
  printf '%(%FT%TZ)T %s\n' -1 "$*"
}

# node QUESTION ARGUMENT…: asks node/questions.py.
node() {
  # Alone: no site-packages, no PYTHON… of the environment, nothing written beside it. A script's folder is not on the
  # path of -I, one that is told is.
  python3 -I -S -B -X utf8 -c \
    'import sys; sys.path.insert(0, sys.argv[1]); from node.answer import main; sys.exit(main(sys.argv[2:]))' \
    "$LIFECYCLE" "$@"
}
