#!/usr/bin/env bash
# Slurm's Epilog, as root when a job has left a node. It never fails: a node is not drained for what could not be tidied.
set -uo pipefail

# shellcheck source=/dev/null
. "$(dirname "${BASH_SOURCE[0]}")/settings"
MAP=/run/slurm/dcgm_job_mapping

if [[ -n $SCRATCH && -n ${SLURM_JOB_ID:-} ]]; then
  rm -rf --one-file-system "${SCRATCH:?}/jobs/$SLURM_JOB_ID"
fi
for file in "$MAP"/*; do
  [[ -f $file ]] || continue
  sed -i "/^${SLURM_JOB_ID:-none}\$/d" "$file"
  [[ -s $file ]] || rm -f "$file"
done
exit 0
