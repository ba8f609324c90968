# Programs that stay: of the image, or containers of ECR through the closed network.
# shellcheck shell=bash

# sshd_takes LINE…: sshd reads its configuration again, if it says that in the end these lines of `sshd -T` hold. What a
# file says is not enough: the first word on a matter counts, and another file may have it.
sshd_takes() {
  local line found
  # sshd refuses to check anything without it, and systemd makes it only when sshd starts.
  mkdir -p /run/sshd
  found=$(sshd -T) || die "sshd refuses its configuration (sshd -T)"
  for line in "$@"; do
    grep -ix "$line" <<<"$found" >/dev/null || die "sshd does not take '$line': a file before ours says otherwise (sshd -T)"
  done
  # ssh on Debian, sshd elsewhere.
  systemctl try-reload-or-restart ssh.service 2>/dev/null || systemctl try-reload-or-restart sshd.service
}

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

# keep_up NAME WHAT READS COMMAND…: a service of that name; it is restarted where its unit, or a file of the list READS,
# is another than it was last started with. BEFORE is run before it.
keep_up() {
  local service=trainyard-$1.service what=$2 reads=$3 started=$INSTALLED/started/$1 unit sum
  unit=/etc/systemd/system/$service
  shift 3
  put "$unit" 644 <<UNIT
[Unit]
Description=$what
After=network-online.target docker.service

[Service]
Environment=PATH=$SLURM/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
Environment=HOSTNAME=$(hostname -s)
${BEFORE:+ExecStartPre=$BEFORE}
ExecStart=$*
Restart=always
RestartSec=15

[Install]
WantedBy=multi-user.target
UNIT
  systemctl daemon-reload
  systemctl enable "$service"
  # shellcheck disable=SC2086  # a list
  sum=$(sha256sum "$unit" $reads)
  if [[ -f $started && $(<"$started") == "$sum" ]]; then
    systemctl start "$service"
  else
    systemctl restart "$service"
  fi
  # One that cannot start is restarted for ever; it counts when it still runs after a while.
  sleep 3
  systemctl is-active --quiet "$service" || die "$what does not stay up (journalctl -u $service)"
  put "$started" 644 <<<"$sum"
}

# contain NAME WHAT READS OPTIONS ARGUMENTS: keeps up a container of the image that fetch has named.
contain() {
  local docker name=trainyard-$1
  docker=$(command -v docker)
  # One that outlives its client, killed with -9, would keep the name from the next.
  BEFORE="-$docker rm --force $name" keep_up "$1" "$2" "$3" "$docker run --rm --name=$name $4 $FETCHED $5"
}
