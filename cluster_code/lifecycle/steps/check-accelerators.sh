# A node with a GPU or an adapter less than its type has would end the first job that uses all of them.
# shellcheck shell=bash

run() {
  local gpus=0 adapters=0 expected
  expected=$(node hosts-of "$GROUP")
  if [[ -d /sys/class/infiniband ]]; then
    adapters=$(find /sys/class/infiniband -mindepth 1 -maxdepth 1 | wc -l)
  fi
  if grep -qv '^0 ' <<<"$expected"; then
    gpus=$(nvidia-smi --list-gpus | grep -c '^GPU ') || die "nvidia-smi lists no GPU"
  fi
  # A group of several types may have any of them. Adapters beyond what was asked for do no harm.
  while read -r wanted_gpus wanted_adapters; do
    if ((gpus == wanted_gpus && adapters >= wanted_adapters)); then
      say "  $gpus GPUs, $adapters EFA interfaces"
      return
    fi
  done <<<"$expected"
  die "$gpus GPUs and $adapters EFA interfaces, but it must be ${expected//$'\n'/ or } (GPUs, EFA interfaces)"
}
