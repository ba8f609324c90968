#!/bin/sh
# Counters of EFA's adapters as a file for node_exporter, which knows those of InfiniBand alone:
# efa_figures.sh FILE [SECONDS]: again and again every SECONDS, or once. By the names of AWS's own exporter.
# Also for the shell of node_exporter's image, which has nothing but busybox.
set -eu

# SYSFS: where another place stands for /sys.
root=${SYSFS:-/sys}/class/infiniband

figures() {
  for folder in "$root"/*/ports/*/hw_counters; do
    [ -d "$folder" ] || continue
    port=${folder%/hw_counters}
    device=${port%/ports/*}
    for counter in "$folder"/*; do
      # Some cannot be read while an adapter is reset, and one is no counter.
      if [ "${counter##*/}" = lifespan ] || ! value=$(cat "$counter" 2>/dev/null); then
        continue
      fi
      echo "node_amazonefa_${counter##*/}{device=\"${device##*/}\",port=\"${port##*/}\"} $value"
    done
  # The series of a metric stand together.
  done | LC_ALL=C sort | awk -F '{' '$1 != last {print "# TYPE " $1 " counter"; last = $1} {print}'
}

while :; do
  figures >"$1.new"
  chmod 644 "$1.new"
  # The exporter must never see half of it, and does not look at what ends otherwise.
  mv "$1.new" "$1"
  [ -n "${2:-}" ] || exit 0
  sleep "$2"
done
