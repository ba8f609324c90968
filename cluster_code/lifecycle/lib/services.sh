# Programs that stay: of the image, or containers of ECR through the closed network.
# shellcheck shell=bash

# fetch IMAGE: sets FETCHED to its whole name, and has it pulled; nothing happens where it is there.
fetch() {
  local registry
  FETCHED=${1//'{region}'/$REGION}
  FETCHED=${FETCHED//'{account}'/$ACCOUNT}
  registry=${FETCHED%%/*}
  if ! docker image inspect "$FETCHED" >/dev/null 2>&1; then
    aws ecr get-login-password --region "$REGION" | docker login --username AWS --password-stdin "$registry" >/dev/null ||
      die "ECR does not let this node in ($registry)"
    docker pull --quiet "$FETCHED" || die "$FETCHED cannot be pulled: ECR's and S3's endpoints, and the node's role"
  fi
}

# keep_up NAME WHAT COMMAND…: a service of that name; it is restarted where its unit is another than before, or where
# CHANGED says so already.
keep_up() {
  local service=trainyard-$1.service what=$2
  shift 2
  put "/etc/systemd/system/$service" 644 <<UNIT
[Unit]
Description=$what
After=network-online.target docker.service

[Service]
Environment=PATH=$SLURM/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
Environment=HOSTNAME=$(hostname -s)
ExecStart=$*
Restart=always
RestartSec=15

[Install]
WantedBy=multi-user.target
UNIT
  systemctl daemon-reload
  systemctl enable "$service"
  if [[ $CHANGED == true ]]; then
    systemctl restart "$service"
  else
    systemctl start "$service"
  fi
  CHANGED=false
  # One that cannot start is restarted for ever; it counts when it still runs after a while.
  sleep 3
  systemctl is-active --quiet "$service" || die "$what does not stay up (journalctl -u $service)"
}
