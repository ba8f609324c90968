# What no exporter of the image measures, as files that node_exporter serves: Slurm on the controller, adapters elsewhere.
# shellcheck shell=bash

run() {
  if [[ $NODE_TYPE == controller ]]; then
    reported slurm "the figures of Slurm" "$(command -v python3) -I -S" slurm_figures.py
  else
    reported efa "the figures of EFA" "$(command -v bash)" efa_figures.sh
  fi
}

# reported NAME WHAT INTERPRETER FILE: it writes NAME.prom every 30 s, the shortest time between two samples.
reported() {
  put "$INSTALLED/$4" 755 <"$LIFECYCLE/files/$4"
  keep_up "$1-figures" "$2" "$INSTALLED/$4" "$3 $INSTALLED/$4 $METRICS/$1.prom 30"
}
