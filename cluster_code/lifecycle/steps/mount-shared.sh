# Shared file systems, before homes and before slurmd. What HyperPod mounts is waited for; what it is not told of is
# mounted here, by a mount unit and not by an automount: an automount calls itself mounted before anything is
# (awsome-distributed-training #632), a unit ends when it is done, with a code, and slurmd can require it.
# Either way a file system counts when it has kept what was written.
# shellcheck shell=bash

run() {
  local mounts kind path efa dns_name mount_name patience
  mounts=$(each mounts kind path efa dns_name mount_name)
  while IFS=$FIELDS read -r kind path efa dns_name mount_name; do
    patience=120
    if [[ $kind == lifecycle ]]; then
      patience=10
      mount_here "$path" "$dns_name" "$mount_name" "$efa"
    fi
    until_true "$patience" "$path is not mounted" is_there "$path"
    proves "$path" "$efa"
    say "  $path: $(findmnt --noheadings --first-only --output SOURCE,FSTYPE "$path")"
  done <<<"$mounts"
}

is_there() {
  # The real one lies over an automount's own.
  mountpoint -q "$1" && [[ $(findmnt --noheadings --output FSTYPE "$1" | tail -n 1) != autofs ]]
}

mount_here() {
  local path=$1 dns_name=$2 mount_name=$3 efa=$4 unit
  until_true 60 "$dns_name does not resolve" getent hosts "$dns_name"
  if [[ $efa == true && $NODE_TYPE == compute ]]; then
    lnet_over_efa
  else
    modprobe lnet || die "the module lnet cannot be loaded: the image lacks Lustre's client for this kernel"
    until_true 20 "LNet does not come up (lctl network up)" lctl network up
  fi
  unit=$(tr / - <<<"${path#/}").mount
  put "/etc/systemd/system/$unit" 644 <<UNIT
[Unit]
Description=FSx for Lustre $dns_name
Wants=network-online.target
After=network-online.target
Before=slurmd.service

[Mount]
What=$dns_name@tcp:/$mount_name
Where=$path
Type=lustre
Options=noatime,flock,_netdev
TimeoutSec=60

[Install]
WantedBy=multi-user.target
UNIT
  mkdir -p "$path"
  systemctl daemon-reload
  systemctl enable "$unit"
  systemctl start "$unit" ||
    die "$dns_name@tcp:/$mount_name cannot be mounted on $path: ports 988 and 1018-1023 must be open between node and file system (journalctl -u $unit)"
}

# "Configuring EFA clients", FSx for Lustre User Guide. Every boot needs it again before the mount, so it is a unit.
lnet_over_efa() {
  modinfo kefalnd >/dev/null 2>&1 || die "the image's Lustre client has no EFA (modinfo kefalnd)"
  put "$INSTALLED/lnet.sh" 755 <"$LIFECYCLE/files/lnet.sh"
  put /etc/systemd/system/trainyard-lnet.service 644 <<UNIT
[Unit]
Description=LNet over EFA
Wants=network-online.target
After=network-online.target
Before=remote-fs-pre.target $(node rows mounts path | sed 's|^/||; s|/|-|g; s|$|.mount|' | tr '\n' ' ')

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=$INSTALLED/lnet.sh $ADDRESS

[Install]
WantedBy=multi-user.target
UNIT
  systemctl daemon-reload
  systemctl enable trainyard-lnet.service
  systemctl start trainyard-lnet.service || die "LNet over EFA does not come up (journalctl -u trainyard-lnet)"
}

proves() {
  local path=$1 efa=$2 probe=$1/.trainyard-probe-$INSTANCE_ID text sent
  text="$INSTANCE_ID $RANDOM"
  sent=$(over_efa)
  printf '%s' "$text" | dd of="$probe" conv=fsync status=none || die "$path cannot be written"
  [[ $(<"$probe") == "$text" ]] || die "$path does not keep what was written"
  if [[ $efa == true && $NODE_TYPE == compute ]]; then
    # Metadata goes over TCP in any case; only data of some size shows the way, and Lustre tells nobody that it took TCP.
    dd if=/dev/zero of="$probe" bs=1M count=64 oflag=direct status=none || die "$path cannot be written"
    (($(over_efa) > sent)) ||
      die "data to $path does not go over EFA: the file system needs EFA, the same Availability Zone, and all traffic between the security groups"
  fi
  rm -f "$probe"
}

# Messages sent over EFA so far; 0 without any.
over_efa() {
  { lnetctl net show --verbose --net efa 2>/dev/null || true; } | awk '/send_count:/ {all += $2} END {print all + 0}'
}
