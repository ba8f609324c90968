# What Prometheus reads: programs of the image, or images of ECR by digest, through the closed network.
# shellcheck shell=bash

run() {
  local exporters kind name image path
  exporters=$(each exporters kind name image path)
  while IFS=$FIELDS read -r kind name image path; do
    if ! here "$name"; then
      continue
    fi
    if [[ $kind == image ]]; then
      from_image "$name" "$image"
    else
      [[ -x $path ]] || die "the image lacks the exporter $path"
      keep_up "$name-exporter" "the exporter $name" "$path $(listening "$name") $(arguments "$name")"
    fi
  done <<<"$exporters"
}

# Where it makes sense; ml_contract/clusters/exporters.py says the same.
here() {
  case $1 in
    node) true ;;
    dcgm | efa) [[ $NODE_TYPE == compute ]] ;;
    slurm) [[ $NODE_TYPE == controller ]] ;;
    *) die "there is no exporter $1" ;;
  esac
}

port() {
  case $1 in node) echo 9100 ;; dcgm) echo 9400 ;; efa) echo 9109 ;; slurm) echo 9341 ;; esac
}

listening() {
  case $1 in dcgm) echo "--address=:$(port dcgm)" ;; *) echo "--web.listen-address=:$(port "$1")" ;; esac
}

arguments() {
  node rows exporters name arguments | awk -F "$FIELDS" -v name="$1" '$1 == name {gsub(/\036/, " ", $2); print $2}'
}

from_image() {
  local name=$1 options="--net=host"
  fetch "$2"
  case $name in
    node | efa) options+=" --pid=host --volume=/:/host:ro,rslave" ;;
    dcgm)
      mkdir -p /run/slurm/dcgm_job_mapping
      options+=" --gpus=all --cap-add=SYS_ADMIN --volume=/run/slurm/dcgm_job_mapping:/etc/dcgm-exporter/hpc:ro"
      ;;
  esac
  keep_up "$name-exporter" "the exporter $name" \
    "$(command -v docker) run --rm --name=trainyard-$name-exporter $options $FETCHED" \
    "$(listening "$name") $(within "$name") $(arguments "$name")"
}

within() {
  case $1 in node | efa) echo --path.rootfs=/host ;; dcgm) echo --hpc-job-mapping-dir=/etc/dcgm-exporter/hpc ;; esac
}
