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
      unit "$name" "$path" "$(listening "$name")" "$(arguments "$name")"
    fi
    start "$name"
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
  local name=$1 image=$2 registry options
  image=${image//'{region}'/$REGION}
  image=${image//'{account}'/$ACCOUNT}
  registry=${image%%/*}
  if ! docker image inspect "$image" >/dev/null 2>&1; then
    aws ecr get-login-password --region "$REGION" | docker login --username AWS --password-stdin "$registry" >/dev/null ||
      die "ECR does not let this node in ($registry)"
    docker pull --quiet "$image" || die "$image cannot be pulled: ECR's and S3's endpoints, and the node's role"
  fi
  options="--net=host"
  case $name in
    node | efa) options+=" --pid=host --volume=/:/host:ro,rslave" ;;
    dcgm)
      mkdir -p /run/slurm/dcgm_job_mapping
      options+=" --gpus=all --cap-add=SYS_ADMIN --volume=/run/slurm/dcgm_job_mapping:/etc/dcgm-exporter/hpc:ro"
      ;;
  esac
  unit "$name" "$(command -v docker) run --rm --name=trainyard-$name-exporter $options $image" "$(listening "$name")" \
    "$(within "$name") $(arguments "$name")"
}

within() {
  case $1 in node | efa) echo --path.rootfs=/host ;; dcgm) echo --hpc-job-mapping-dir=/etc/dcgm-exporter/hpc ;; esac
}

unit() {
  local name=$1 program=$2
  shift 2
  CHANGED=false
  put "/etc/systemd/system/trainyard-$name-exporter.service" 644 <<UNIT
[Unit]
Description=Figures for Prometheus: $name
After=network-online.target docker.service

[Service]
Environment=PATH=$SLURM/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
ExecStart=$program $*
Restart=always
RestartSec=15

[Install]
WantedBy=multi-user.target
UNIT
}

start() {
  local service=trainyard-$1-exporter.service
  systemctl daemon-reload
  systemctl enable "$service"
  if [[ $CHANGED == true ]]; then
    systemctl restart "$service"
  else
    systemctl start "$service"
  fi
  # One that cannot start is restarted for ever; it counts when it still runs after a while.
  sleep 3
  systemctl is-active --quiet "$service" || die "the exporter $1 does not stay up (journalctl -u $service)"
}
