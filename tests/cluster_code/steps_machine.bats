#!/usr/bin/env bats
# Steps alone, for what the machine itself has: what each does to a node, and what it says when it cannot.

load world

setup() {
  make_world compute
}

@test "check-image: names all that is missing, before anything else" {
  lacks chronyc
  lacks enroot
  run one_step check-image
  [ "$status" -ne 0 ]
  [[ $(last_line) == 'the image lacks chronyc enroot; nothing is downloaded at boot: '* ]]
}

@test "check-image: an image that has everything" {
  run one_step check-image
  [ "$status" -eq 0 ]
}

@test "check-accelerators: a node with a GPU less is refused" {
  answers nvidia-smi 'printf "GPU %d: H100\n" 0 1 2 3 4 5 6'
  run one_step check-accelerators
  [ "$status" -ne 0 ]
  [[ $(last_line) == '7 GPUs and '*', but it must be 8 0 (GPUs, EFA interfaces)' ]]
}

@test "check-accelerators: a driver that does not answer" {
  answers nvidia-smi 'echo "Unable to determine the device handle"; exit 15'
  run one_step check-accelerators
  [ "$status" -ne 0 ]
  [ "$(last_line)" = 'nvidia-smi lists no GPU' ]
}

@test "check-accelerators: any type of a group that has several" {
  told "d['groups'][2]['hosts'] = [dict(instance_type='a', accelerators=4, efa_interfaces=0), dict(instance_type='b', accelerators=8, efa_interfaces=0)]"
  run one_step check-accelerators
  [ "$status" -eq 0 ]
}

@test "check-accelerators: a node without the adapters of its type" {
  told "d['groups'][2]['hosts'] = [dict(instance_type='a', accelerators=8, efa_interfaces=32)]"
  run one_step check-accelerators
  [ "$status" -ne 0 ]
  [[ $(last_line) == '8 GPUs and 0 EFA interfaces, but it must be 8 32 '* ]]
}

@test "check-time: a clock that is not synchronised" {
  answers chronyc 'exit 1'
  run one_step check-time
  [ "$status" -ne 0 ]
  [[ $(last_line) == 'the clock is not synchronised'* ]]
}

@test "write-hosts: every node by its name, once, beside what was there" {
  printf '127.0.0.1 localhost\n' >"$UPPER/etc/hosts"
  one_step write-hosts
  run one_step write-hosts
  [ "$status" -eq 0 ]
  has_line /etc/hosts '^127.0.0.1 localhost$'
  has_line /etc/hosts '^10.0.0.22 workers-2 i-'
  [ "$(grep -c workers-1 "$UPPER/etc/hosts")" -eq 1 ]
  called '^systemctl enable --now trainyard-hosts.path$'
}

@test "write-hosts: a node that comes later, by the unit that it leaves" {
  one_step write-hosts
  sed -i 's/workers-2/workers-9/' "$UPPER/opt/ml/config/resource_config.json"
  in_world /opt/trainyard/lifecycle/hosts.sh
  has_line /etc/hosts ' workers-9 '
  run grep workers-2 "$UPPER/etc/hosts"
  [ "$status" -eq 1 ]
}

@test "set-limits: pinned memory without limit, for users and for slurmd" {
  run one_step set-limits
  [ "$status" -eq 0 ]
  has_line /etc/security/limits.d/99-trainyard.conf '^\* +- +memlock +unlimited$'
  has_line /etc/systemd/system/slurmd.service.d/20-trainyard-limits.conf '^LimitMEMLOCK=infinity$'
}

@test "harden: no passwords and no root over SSH, and no upgrades behind the cluster's back" {
  run one_step harden
  [ "$status" -eq 0 ]
  has_line /etc/ssh/sshd_config.d/10-trainyard.conf '^PasswordAuthentication no$'
  has_line /etc/ssh/sshd_config.d/10-trainyard.conf '^PermitRootLogin no$'
  called '^systemctl disable --now unattended-upgrades.service$'
  [ "$(stat -c %a "$UPPER/opt/ml/config/resource_config.json")" = 600 ]
}

@test "harden: an sshd that reads another file first would keep passwords" {
  answers sshd 'printf "%s\n" "passwordauthentication yes" "kbdinteractiveauthentication no" "permitrootlogin no"'
  run one_step harden
  [ "$status" -ne 0 ]
  [ "$(last_line)" = "sshd does not take 'passwordauthentication no': a file before ours says otherwise (sshd -T)" ]
  never_called '^systemctl try-reload'
}

@test "harden: a configuration that sshd refuses" {
  answers sshd 'exit 255'
  run one_step harden
  [ "$status" -ne 0 ]
  [ "$(last_line)" = 'sshd refuses its configuration (sshd -T)' ]
}

@test "check-scratch: the image's NVMe service is waited for" {
  mkdir -p "$UPPER/opt/dlami/nvme"
  answers systemctl 'case $1 in is-active) n=$(cat /n 2>/dev/null || echo 0); echo $((n + 1)) >/n; [[ $n -ge 3 ]] ;; esac'
  run one_step check-scratch
  [ "$status" -eq 0 ]
  [ "$(calls | grep -c '^systemctl is-active')" -eq 4 ]
  [ -d "$UPPER/opt/dlami/nvme/jobs" ]
}

@test "check-scratch: nothing is written below a mount that is not there" {
  mkdir -p "$UPPER/opt/dlami/nvme"
  answers mountpoint 'exit 1'
  run one_step check-scratch
  [ "$status" -ne 0 ]
  [ "$(last_line)" = 'nothing is mounted on /opt/dlami/nvme' ]
  [ -z "$(ls "$UPPER/opt/dlami/nvme")" ]
}

@test "check-scratch: too little space" {
  mkdir -p "$UPPER/opt/dlami/nvme"
  told "d['scratch']['minimum_gib'] = 10 ** 9"
  run one_step check-scratch
  [ "$status" -ne 0 ]
  [[ $(last_line) == '/opt/dlami/nvme has '*' GiB free, but it must be 1000000000' ]]
}

@test "check-access: without Session Manager's agent nobody could come" {
  answers systemctl '[[ $1 != cat ]]'
  run one_step check-access
  [ "$status" -ne 0 ]
  [ "$(last_line)" = 'the image lacks the agent of Session Manager (amazon-ssm-agent)' ]
}

@test "check-access: an agent that does not come up" {
  answers systemctl '[[ $1 == cat ]]'
  run one_step check-access
  [ "$status" -ne 0 ]
  [[ $(last_line) == 'amazon-ssm-agent.service is not active: the node needs the endpoints of ssm, '* ]]
}
