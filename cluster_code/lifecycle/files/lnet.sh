#!/usr/bin/env bash
# LNet over TCP and every EFA interface of the node, EFA first: lnet.sh ADDRESS.
set -euo pipefail

interface=$(ip -oneline -4 address show to "$1" | awk '{print $2; exit}')
modprobe lnet
modprobe kefalnd ipif_name="$interface"
modprobe ksocklnd
lnetctl lnet configure
lnetctl net del --net tcp 2>/dev/null || true
lnetctl net add --net tcp --if "$interface"
for device in /sys/class/infiniband/*; do
  device=${device##*/}
  lnetctl net show --net efa 2>/dev/null | grep -qw "$device" || lnetctl net add --net efa --if "$device" --peer-credits 32
done
lnetctl set discovery 1
lnetctl udsp show 2>/dev/null | grep -qw efa || lnetctl udsp add --src efa --priority 0
modprobe lustre
