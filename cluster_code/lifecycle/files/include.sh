#!/usr/bin/env bash
# Makes slurm.conf include our file, which lies beside it: include.sh SLURM_CONF. A relative name: nodes that read their
# configuration from the controller get such files too. Nothing happens where it does.
set -euo pipefail

if ! grep -qxi 'include trainyard.conf' "$1"; then
  # Not by another file in its place: what HyperPod's agent writes meanwhile would be lost.
  printf '\ninclude trainyard.conf\n' >>"$1"
fi
