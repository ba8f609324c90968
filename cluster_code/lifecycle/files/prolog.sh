#!/usr/bin/env bash
# Slurm's Prolog, as root before a job's first step on a node. Any code but 0 drains the node and sends the job elsewhere:
# it is for what makes the node unfit, and for nothing else.
set -uo pipefail

# shellcheck source=/dev/null
. "$(dirname "${BASH_SOURCE[0]}")/settings"
MAP=/run/slurm/dcgm_job_mapping

unfit() {
  echo "trainyard: node $(hostname -s) is unfit for job $SLURM_JOB_ID: $*" >&2
  logger -t trainyard-prolog "job $SLURM_JOB_ID: $*" 2>/dev/null
  exit 1
}

for path in "${MOUNTS[@]}"; do
  # A file system that hangs would hang this too.
  timeout 20 mountpoint -q "$path" || unfit "$path is not mounted, or does not answer in 20 s"
done

if [[ -n $SCRATCH ]]; then
  mountpoint -q "$SCRATCH" || unfit "$SCRATCH is not mounted"
  folder=$SCRATCH/jobs/$SLURM_JOB_ID
  if ! { mkdir -p "$folder" && chown "$SLURM_JOB_UID" "$folder" && chmod 700 "$folder"; }; then
    unfit "$folder cannot be made"
  fi
fi

# dcgm-exporter labels a GPU's figures with the job that the file of its index names.
if [[ -n ${SLURM_JOB_GPUS:-} ]] && mkdir -p "$MAP"; then
  IFS=, read -ra gpus <<<"$SLURM_JOB_GPUS"
  for gpu in "${gpus[@]}"; do
    grep -qsx "$SLURM_JOB_ID" "$MAP/$gpu" || echo "$SLURM_JOB_ID" >>"$MAP/$gpu"
  done
fi
exit 0
