# What Prometheus reads: programs of the image, or images of ECR by digest, through the closed network.
# shellcheck shell=bash

COUNTERS=$INSTALLED/counters.csv

run() {
  local exporters kind name image path
  # Of everybody, as /tmp: who trains writes there as himself.
  mkdir -p "$METRICS"
  chmod 1777 "$METRICS"
  exporters=$(each exporters kind name image path)
  while IFS=$FIELDS read -r kind name image path; do
    if ! here "$name"; then
      continue
    fi
    if [[ $name == dcgm ]]; then
      mkdir -p /run/slurm/dcgm_job_mapping
      put "$COUNTERS" 644 <"$LIFECYCLE/files/counters.csv"
    fi
    if [[ $kind == image ]]; then
      from_image "$name" "$image"
    else
      [[ -x $path ]] || die "the image lacks the exporter $path"
      keep_up "$name-exporter" "the exporter $name" "$(files "$name")" \
        "$path $(listening "$name") $(reading "$name") $(arguments "$name")"
    fi
  done <<<"$exporters"
}

# Where it makes sense; ml_contract/clusters/exporters.py says the same.
here() {
  case $1 in
    node) true ;;
    dcgm) [[ $NODE_TYPE == compute ]] && node hosts-of "$GROUP" | grep -qv '^0 ' ;;
    *) die "there is no exporter $1" ;;
  esac
}

port() {
  case $1 in node) echo 9100 ;; dcgm) echo 9400 ;; esac
}

listening() {
  case $1 in dcgm) echo "--address=:$(port dcgm)" ;; *) echo "--web.listen-address=:$(port "$1")" ;; esac
}

arguments() {
  node rows exporters name arguments | awk -F "$FIELDS" -v name="$1" '$1 == name {gsub(/\036/, " ", $2); print $2}'
}

# reading NAME [ROOT]: what it is told of the node, whose root it sees at ROOT.
reading() {
  case $1 in
    node) echo "${2:+--path.rootfs=$2 }--collector.textfile.directory=${2:-}$METRICS" ;;
    dcgm) echo "--collectors=$COUNTERS --hpc-job-mapping-dir=/run/slurm/dcgm_job_mapping" ;;
  esac
}

# What it reads when it starts.
files() {
  case $1 in dcgm) echo "$COUNTERS" ;; esac
}

from_image() {
  local name=$1 options="--net=host" told
  fetch "$2"
  case $name in
    node)
      options+=" --pid=host --volume=/:/host:ro,rslave"
      told=$(reading node /host)
      ;;
    dcgm)
      told=$(reading dcgm)
      options+=" --gpus=all --cap-add=SYS_ADMIN --volume=$COUNTERS:$COUNTERS:ro"
      options+=" --volume=/run/slurm/dcgm_job_mapping:/run/slurm/dcgm_job_mapping:ro"
      ;;
  esac
  contain "$name-exporter" "the exporter $name" "$(files "$name")" "$options" "$(listening "$name") $told $(arguments "$name")"
}
