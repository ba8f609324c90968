#!/usr/bin/env bats
# Steps alone, for file systems that are shared: what each does to a node, and what it says when it cannot.

load world

setup() {
  make_world compute
}

@test "mount-shared: what HyperPod mounts is waited for and proven" {
  mkdir -p "$UPPER/fsx"
  answers mountpoint 'n=$(cat /n 2>/dev/null || echo 0); echo $((n + 1)) >/n; [[ $n -ge 2 ]]'
  run one_step mount-shared
  [ "$status" -eq 0 ]
  [ "$(calls | grep -c '^mountpoint')" -eq 3 ]
  [ -z "$(ls -A "$UPPER/fsx")" ]
  never_called '^systemctl start'
}

@test "mount-shared: an automount that has mounted nothing is no file system" {
  answers findmnt 'echo autofs'
  run one_step mount-shared
  [ "$status" -ne 0 ]
  [ "$(last_line)" = '/fsx is not mounted' ]
}

@test "mount-shared: a file system that cannot be written" {
  run one_step mount-shared
  [ "$status" -ne 0 ]
  [ "$(last_line)" = '/fsx cannot be written' ]
}

@test "mount-shared: by a unit of its own, which slurmd comes after, and without automount" {
  cp "$DOCUMENTS/lustre.json" "$UPPER/opt/scripts/lifecycle.json"
  run one_step mount-shared
  [ "$status" -eq 0 ]
  has_line /etc/systemd/system/fsx.mount '^What=fs-0123.fsx.eu-west-1.amazonaws.com@tcp:/abcdefgh$'
  has_line /etc/systemd/system/fsx.mount '^Before=slurmd.service$'
  called '^systemctl start fsx.mount$'
  never_called automount
}

@test "mount-shared: the name is waited for, for the agent restarts the resolver" {
  cp "$DOCUMENTS/lustre.json" "$UPPER/opt/scripts/lifecycle.json"
  answers getent 'n=$(cat /n 2>/dev/null || echo 0); echo $((n + 1)) >/n; [[ $n -ge 5 ]]'
  run one_step mount-shared
  [ "$status" -eq 0 ]
  [ "$(calls | grep -c '^getent hosts')" -eq 6 ]
}

@test "mount-shared: a name that never resolves" {
  cp "$DOCUMENTS/lustre.json" "$UPPER/opt/scripts/lifecycle.json"
  answers getent 'exit 2'
  run one_step mount-shared
  [ "$status" -ne 0 ]
  [ "$(last_line)" = 'fs-0123.fsx.eu-west-1.amazonaws.com does not resolve' ]
}

@test "mount-shared: a mount that fails says which ports it needs" {
  cp "$DOCUMENTS/lustre.json" "$UPPER/opt/scripts/lifecycle.json"
  answers systemctl '[[ $1 != start ]]'
  run one_step mount-shared
  [ "$status" -ne 0 ]
  [[ $(last_line) == *'ports 988 and 1018-1023 must be open'* ]]
}

@test "mount-shared: data that silently takes TCP is refused where EFA was asked for" {
  mkdir -p "$UPPER/fsx"
  told "d['mounts'][0]['efa'] = True"
  answers lnetctl 'echo "send_count: 7"'
  run one_step mount-shared
  [ "$status" -ne 0 ]
  [[ $(last_line) == 'data to /fsx does not go over EFA: '* ]]
}

@test "mount-shared: data that goes over EFA" {
  mkdir -p "$UPPER/fsx"
  told "d['mounts'][0]['efa'] = True"
  answers lnetctl 'n=$(cat /n 2>/dev/null || echo 0); echo $((n + 1)) >/n; echo "send_count: $n"'
  run one_step mount-shared
  [ "$status" -eq 0 ]
}

@test "mount-shared: LNet over every EFA interface, by a unit of every boot" {
  cp "$DOCUMENTS/lustre.json" "$UPPER/opt/scripts/lifecycle.json"
  told "d['mounts'][0]['efa'] = True"
  mkdir -p "$UPPER/fsx" "$UPPER/sys/class/infiniband"/{efa_0,efa_1}
  answers lnetctl '[[ "$*" != *show* ]] || { n=$(cat /n 2>/dev/null || echo 0); echo $((n + 1)) >/n; echo "send_count: $n"; }'
  answers ip 'echo "2: ens32 inet 10.0.0.21/24"'
  ln -s ../stand_in "$UPPER/fakes/bin/ip"
  run one_step mount-shared
  [ "$status" -eq 0 ]
  has_line /etc/systemd/system/trainyard-lnet.service '^Before=remote-fs-pre.target fsx.mount '
  in_world /opt/trainyard/lifecycle/lnet.sh 10.0.0.21
  called '^modprobe kefalnd ipif_name=ens32$'
  called '^lnetctl net add --net efa --if efa_0 '
  called '^lnetctl net add --net efa --if efa_1 '
}

@test "mount-shared: a Lustre client without EFA" {
  cp "$DOCUMENTS/lustre.json" "$UPPER/opt/scripts/lifecycle.json"
  told "d['mounts'][0]['efa'] = True"
  answers modinfo 'exit 1'
  run one_step mount-shared
  [ "$status" -ne 0 ]
  [ "$(last_line)" = "the image's Lustre client has no EFA (modinfo kefalnd)" ]
}
