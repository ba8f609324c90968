#!/usr/bin/env bash
# Slurm's Epilog, as root when a job has left a node. It never fails: a node is not drained for what could not be tidied.
set -uo pipefail

# shellcheck source=/dev/null
. "$(dirname "${BASH_SOURCE[0]}")/settings"
MAP=/run/slurm/dcgm_job_mapping
METRICS=/var/lib/trainyard/metrics

if [[ -n $SCRATCH && -n ${SLURM_JOB_ID:-} ]]; then
  rm -rf --one-file-system "${SCRATCH:?}/jobs/$SLURM_JOB_ID"
fi
# Figures of a run that was killed here would be shown beside those of its next stay. A job has its nodes alone.
if [[ -d $METRICS && ${SLURM_JOB_UID:-} =~ ^[0-9]+$ ]]; then
  find "$METRICS" -maxdepth 1 -type f -name 'trainyard-*' -uid "$SLURM_JOB_UID" -delete 2>/dev/null
fi
for file in "$MAP"/*; do
  [[ -f $file ]] || continue
  sed -i "/^${SLURM_JOB_ID:-none}\$/d" "$file"
  [[ -s $file ]] || rm -f "$file"
done
exit 0
