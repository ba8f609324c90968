# Images and temporary files of jobs belong on a disk of the node. The deep-learning image mounts NVMe by a service of its
# own, which may still be at work (awsome-distributed-training #427): what is written before lies below the mount.
# shellcheck shell=bash

run() {
  local path minimum free probe
  path=$(node get scratch.path)
  minimum=$(node get scratch.minimum_gib)
  if systemctl cat dlami-nvme.service >/dev/null 2>&1; then
    until_true 150 "dlami-nvme.service did not become active in 150 s" systemctl is-active --quiet dlami-nvme.service
  fi
  until_true 20 "nothing is mounted on $path" mountpoint -q "$path"
  free=$(df --output=avail --block-size=G "$path" | tail -n 1 | tr -dc 0-9)
  ((free >= minimum)) || die "$path has $free GiB free, but it must be $minimum"
  probe=$path/.trainyard-probe
  head -c 1048576 /dev/zero | dd of="$probe" conv=fsync status=none || die "$path cannot be written"
  rm -f "$probe"
  mkdir -p "$path/tmp" "$path/jobs"
  chmod 1777 "$path/tmp"
  chmod 755 "$path/jobs"
  say "  $path: $free GiB free"
}
