#!/usr/bin/env bats
# Each step alone: what it does to a node, and what it says when it cannot.

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

@test "hold-slurm: slurmd waits for the end of the scripts and for the file systems" {
  run one_step hold-slurm
  [ "$status" -eq 0 ]
  has_line /etc/systemd/system/slurmd.service.d/10-trainyard.conf '^AssertPathExists=/var/lib/trainyard/lifecycle/ready$'
  has_line /etc/systemd/system/slurmd.service.d/10-trainyard.conf '^RequiresMountsFor=/fsx$'
  called '^systemctl daemon-reload$'
}

@test "release-slurm: slurmd may start, and is not started yet" {
  run one_step release-slurm
  [ "$status" -eq 0 ]
  [ -s "$UPPER/var/lib/trainyard/lifecycle/ready" ]
  never_called '^systemctl'
}

@test "hold-slurm and release-slurm: a slurmd that runs before gets no job in between, and new limits" {
  told "d['slurm']['daemons'] = 'started-before'"
  one_step hold-slurm
  called '^scontrol update NodeName=ip-10-0-0-21 State=DRAIN Reason=trainyard: lifecycle$'
  answers scontrol '[[ "$*" != "show node"* ]] || echo "Reason=trainyard: lifecycle [root@now]"'
  run one_step release-slurm
  [ "$status" -eq 0 ]
  called '^systemctl restart slurmd.service$'
  called '^scontrol update NodeName=ip-10-0-0-21 State=RESUME$'
}

@test "hold-slurm: a node that Slurm does not know yet is stopped" {
  told "d['slurm']['daemons'] = 'started-before'"
  answers scontrol 'exit 1'
  run one_step hold-slurm
  [ "$status" -eq 0 ]
  called '^systemctl stop slurmd.service$'
}

@test "release-slurm: a node that somebody else has drained stays so" {
  told "d['slurm']['daemons'] = 'started-before'"
  answers scontrol '[[ "$*" != "show node"* ]] || echo "Reason=bad fan"'
  run one_step release-slurm
  [ "$status" -eq 0 ]
  never_called 'State=RESUME'
}

@test "release-slurm: a controller reads what has changed, where it runs" {
  make_world_again controller
  told "d['slurm']['daemons'] = 'started-before'"
  run one_step release-slurm
  [ "$status" -eq 0 ]
  called '^scontrol reconfigure$'
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

@test "harden: an sshd that reads no further files would keep passwords" {
  printf 'UsePAM yes\n' >"$UPPER/etc/ssh/sshd_config"
  run one_step harden
  [ "$status" -ne 0 ]
  [[ $(last_line) == *'passwords would stay allowed' ]]
}

@test "harden: a configuration that sshd refuses" {
  answers sshd 'exit 255'
  run one_step harden
  [ "$status" -ne 0 ]
  [ "$(last_line)" = 'sshd refuses its configuration (sshd -t)' ]
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

@test "add-users: the same numbers, homes on the shared file system, keys outside of them" {
  mkdir -p "$UPPER/fsx"
  run one_step add-users
  [ "$status" -eq 0 ]
  has_line /etc/passwd '^alice:x:2001:2001:.*:/fsx/home/alice:/bin/bash$'
  [ "$(stat -c %u:%g:%a "$UPPER/fsx/home/bob")" = 2002:2002:700 ]
  [ "$(grep -c ssh-ed25519 "$UPPER/etc/trainyard/keys/alice")" -eq 2 ]
  [ "$(cat "$UPPER/etc/sudoers.d/90-trainyard")" = 'alice ALL=(ALL) NOPASSWD: ALL' ]
  [ "$(cat "$UPPER/etc/trainyard/admins")" = $'root\nalice' ]
}

@test "add-users: twice, and a home that another node has made" {
  mkdir -p "$UPPER/fsx/home/alice"
  echo mine >"$UPPER/fsx/home/alice/notes"
  chown 2001:2001 "$UPPER/fsx/home/alice"
  one_step add-users
  run one_step add-users
  [ "$status" -eq 0 ]
  [ "$(cat "$UPPER/fsx/home/alice/notes")" = mine ]
  [ "$(ls "$UPPER/fsx/home")" = $'alice\nbob' ]
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

@test "add-users: who is no admin any more does not become root" {
  mkdir -p "$UPPER/fsx"
  one_step add-users
  told "d['users']['users'][0]['admin'] = False"
  run one_step add-users
  [ "$status" -eq 0 ]
  in_world test ! -e /etc/sudoers.d/90-trainyard
  [ "$(cat "$UPPER/etc/trainyard/admins")" = root ]
}

@test "add-users: a number that the image has given away" {
  printf 'operator:x:2001:2001::/home/operator:/bin/sh\n' >"$WORLD/more"
  cat /etc/passwd "$WORLD/more" >"$UPPER/etc/passwd"
  run one_step add-users
  [ "$status" -ne 0 ]
  [ "$(last_line)" = "uid 2001 of alice belongs to the image's user operator" ]
}

@test "add-users: a home of somebody else" {
  mkdir -p "$UPPER/fsx/home/alice"
  run one_step add-users
  [ "$status" -ne 0 ]
  [ "$(last_line)" = '/fsx/home/alice belongs to root and not to alice' ]
}

@test "join-directory: the secret's password in one file of root's, and nowhere else" {
  cp "$DOCUMENTS/directory.json" "$UPPER/opt/scripts/lifecycle.json"
  answers aws 'echo hunter2'
  answers getent 'true'
  run one_step join-directory
  [ "$status" -eq 0 ]
  has_line /etc/sssd/sssd.conf '^ldap_default_authtok = hunter2$'
  has_line /etc/sssd/sssd.conf '^ldap_uri = ldaps://ldap.corp.example.com$'
  has_line /etc/sssd/sssd.conf '^simple_allow_groups = ML Users, guests, cluster-admins$'
  [ "$(stat -c %a "$UPPER/etc/sssd/sssd.conf")" = 600 ]
  [ "$(grep -rl hunter2 "$UPPER" --exclude-dir=fakes)" = "$UPPER/etc/sssd/sssd.conf" ]
  [[ $output != *hunter2* ]]
  called '^aws secretsmanager get-secret-value --region eu-west-1 --secret-id research/ldap '
}

@test "join-directory: a secret that the node may not read" {
  cp "$DOCUMENTS/directory.json" "$UPPER/opt/scripts/lifecycle.json"
  answers aws 'exit 254'
  run one_step join-directory
  [ "$status" -ne 0 ]
  [ "$(last_line)" = "the secret research/ldap cannot be read with the node's role" ]
  [ ! -e "$UPPER/etc/sssd/sssd.conf" ]
}

@test "join-directory: a directory that does not answer" {
  cp "$DOCUMENTS/directory.json" "$UPPER/opt/scripts/lifecycle.json"
  answers aws 'echo hunter2'
  answers getent 'exit 2'
  run one_step join-directory
  [ "$status" -ne 0 ]
  [[ $(last_line) == 'the directory does not answer: cluster-admins is no group'* ]]
}

@test "restrict-logins: users enter with a job, admins always, and when nobody answers admins alone" {
  mkdir -p "$UPPER/etc/trainyard"
  printf 'root\nalice\n' >"$UPPER/etc/trainyard/admins"
  one_step restrict-logins
  has_line /etc/pam.d/sshd '^account required pam_nologin.so$'
  has_line /etc/pam.d/sshd '^account required pam_exec.so .*only_with_job.sh$'
  mkdir -p "$UPPER/opt/slurm/bin"
  ln -s /fakes/stand_in "$UPPER/opt/slurm/bin/squeue"
  answers squeue '[[ "$*" != *--user=bob* ]] || echo 17'
  in_world env PAM_USER=bob /opt/trainyard/lifecycle/only_with_job.sh
  in_world env PAM_USER=alice /opt/trainyard/lifecycle/only_with_job.sh
  run in_world env PAM_USER=carol /opt/trainyard/lifecycle/only_with_job.sh
  [ "$status" -eq 1 ]
  [[ $output == 'You have no job on this node'* ]]
  answers squeue 'exit 1'
  run in_world env PAM_USER=bob /opt/trainyard/lifecycle/only_with_job.sh
  [ "$status" -eq 1 ]
}

@test "restrict-logins: an sshd that would not ask PAM" {
  printf 'Include /etc/ssh/sshd_config.d/*.conf\n' >"$UPPER/etc/ssh/sshd_config"
  run one_step restrict-logins
  [ "$status" -eq 0 ]
  has_line /etc/ssh/sshd_config.d/20-trainyard-pam.conf '^UsePAM yes$'
  called '^systemctl try-reload-or-restart ssh.service$'
}

@test "configure-containers: work on the node's disk, the plugin in plugstack.conf itself" {
  mkdir -p "$UPPER/opt/slurm/lib/slurm" "$UPPER/opt/slurm/etc" "$UPPER/opt/dlami/nvme"
  touch "$UPPER/opt/slurm/lib/slurm/spank_pyxis.so"
  one_step configure-containers
  run one_step configure-containers
  [ "$status" -eq 0 ]
  has_line /etc/enroot/enroot.conf '^ENROOT_RUNTIME_PATH +/opt/dlami/nvme/enroot/runtime/user-\$\(id -u\)$'
  [ "$(grep -c '^required /opt/slurm/lib/slurm/spank_pyxis.so' "$UPPER/opt/slurm/etc/plugstack.conf")" -eq 1 ]
}

@test "configure-containers: a plugin that the image loads already is not loaded twice" {
  mkdir -p "$UPPER/opt/slurm/lib/slurm" "$UPPER/opt/slurm/etc/plugstack.conf.d" "$UPPER/opt/dlami/nvme"
  touch "$UPPER/opt/slurm/lib/slurm/spank_pyxis.so"
  echo 'include /opt/slurm/etc/plugstack.conf.d/*' >"$UPPER/opt/slurm/etc/plugstack.conf"
  echo 'required /usr/local/lib/slurm/spank_pyxis.so' >"$UPPER/opt/slurm/etc/plugstack.conf.d/pyxis.conf"
  run one_step configure-containers
  [ "$status" -eq 0 ]
  [ "$(cat "$UPPER/opt/slurm/etc/plugstack.conf")" = 'include /opt/slurm/etc/plugstack.conf.d/*' ]
}

@test "configure-containers: an image without Pyxis" {
  run one_step configure-containers
  [ "$status" -ne 0 ]
  [[ $(last_line) == 'the image lacks Pyxis (spank_pyxis.so): '* ]]
}

@test "hook-slurm: the controller's slurm.conf names the hooks once, in a file beside it" {
  make_world_again controller
  mkdir -p "$UPPER/opt/slurm/etc"
  printf 'ClusterName=research\nSlurmctldHost=ip-10-0-0-10(10.0.0.10)\n' >"$UPPER/opt/slurm/etc/slurm.conf"
  one_step hook-slurm
  run one_step hook-slurm
  [ "$status" -eq 0 ]
  [ "$(grep -c '^include trainyard.conf$' "$UPPER/opt/slurm/etc/slurm.conf")" -eq 1 ]
  has_line /opt/slurm/etc/slurm.conf '^ClusterName=research$'
  has_line /opt/slurm/etc/trainyard.conf '^Prolog=/opt/trainyard/lifecycle/hooks/prolog.sh$'
  called '^systemctl enable --now trainyard-hooks.path$'
}

@test "hook-slurm: a slurm.conf that the agent never writes" {
  make_world_again controller
  run one_step hook-slurm
  [ "$status" -ne 0 ]
  [ "$(last_line)" = '/opt/slurm/etc/slurm.conf does not name this controller' ]
}

@test "prolog and epilog: a folder and a GPU map for a job, and nothing left of them" {
  mkdir -p "$UPPER/opt/dlami/nvme/jobs"
  one_step hook-slurm
  in_world env SLURM_JOB_ID=17 SLURM_JOB_UID=2001 SLURM_JOB_GPUS=0,3 /opt/trainyard/lifecycle/hooks/prolog.sh
  [ "$(stat -c %u:%a "$UPPER/opt/dlami/nvme/jobs/17")" = 2001:700 ]
  [ "$(cat "$UPPER/run/slurm/dcgm_job_mapping/3")" = 17 ]
  in_world env SLURM_JOB_ID=17 SLURM_JOB_UID=2001 /opt/trainyard/lifecycle/hooks/epilog.sh
  [ -z "$(ls "$UPPER/opt/dlami/nvme/jobs" "$UPPER/run/slurm/dcgm_job_mapping" | grep -v :)" ]
}

@test "prolog: a node without its file system takes no job" {
  one_step hook-slurm
  answers mountpoint 'exit 1'
  run in_world env SLURM_JOB_ID=17 SLURM_JOB_UID=2001 /opt/trainyard/lifecycle/hooks/prolog.sh
  [ "$status" -eq 1 ]
  [[ $output == *'/fsx is not mounted, or does not answer in 20 s'* ]]
}

@test "start-exporters: an image of ECR by digest, in the cluster's Region" {
  make_world_again login
  answers docker 'case "$1 $2" in "image inspect") exit 1 ;; "login"*) cat >/dev/null ;; esac'
  run one_step start-exporters
  [ "$status" -eq 0 ]
  called '^docker pull --quiet 602401143452.dkr.ecr.eu-west-1.amazonaws.com/hyperpod/node_exporter@sha256:'
  has_line /etc/systemd/system/trainyard-node-exporter.service '^ExecStart=.* --web.listen-address=:9100 --path.rootfs=/host --collector.textfile.directory=/host/var/lib/trainyard/metrics --collector.processes --collector.ethtool$'
}

@test "start-exporters: an image that is there is not pulled" {
  make_world_again login
  run one_step start-exporters
  [ "$status" -eq 0 ]
  never_called '^(docker pull|aws)'
}

@test "start-exporters: one that does not stay up" {
  answers systemctl '[[ $1 != is-active ]]'
  run one_step start-exporters
  [ "$status" -ne 0 ]
  [[ $(last_line) == 'the exporter node does not stay up'* ]]
}

@test "start-exporters: a program that the image does not have" {
  run one_step start-exporters
  [ "$status" -ne 0 ]
  [ "$(last_line)" = 'the image lacks the exporter /usr/local/bin/dcgm-exporter' ]
}

@test "start-exporters: a program of the image is told which fields of the GPUs are looked at" {
  told 'd["exporters"] = [{"kind": "binary", "name": "dcgm", "path": "/bin/true", "arguments": []}]'
  run one_step start-exporters
  [ "$status" -eq 0 ]
  has_line /etc/systemd/system/trainyard-dcgm-exporter.service '^ExecStart=/bin/true --address=:9400 --collectors=/opt/trainyard/lifecycle/counters.csv '
  has_line /opt/trainyard/lifecycle/counters.csv '^DCGM_FI_DEV_XID_ERRORS, gauge, '
}

@test "start-exporters: a node without GPUs has none of them to measure" {
  told 'd["groups"][2]["hosts"][0]["accelerators"] = 0'
  run one_step start-exporters
  [ "$status" -eq 0 ]
  [ ! -e "$UPPER/etc/systemd/system/trainyard-dcgm-exporter.service" ]
}

@test "start-exporters: everybody may leave figures for it" {
  told 'd["exporters"] = []'
  run one_step start-exporters
  [ "$(stat -c %a "$UPPER/var/lib/trainyard/metrics")" = 1777 ]
}

@test "report-figures: of Slurm on the controller" {
  make_world_again controller
  run one_step report-figures
  [ "$status" -eq 0 ]
  has_line /etc/systemd/system/trainyard-slurm-figures.service '^ExecStart=.*python3 -I -S /opt/trainyard/lifecycle/slurm_figures.py /var/lib/trainyard/metrics/slurm.prom 30$'
}

@test "report-figures: of the adapters elsewhere" {
  run one_step report-figures
  [ "$status" -eq 0 ]
  has_line /etc/systemd/system/trainyard-efa-figures.service '^ExecStart=.*bash /opt/trainyard/lifecycle/efa_figures.sh /var/lib/trainyard/metrics/efa.prom 30$'
}

@test "start-metrics-agent: its configuration from the parameter of the node's type" {
  answers aws 'echo "{\"global\": {}}"'
  run one_step start-metrics-agent
  [ "$status" -eq 0 ]
  called '^aws ssm get-parameter --region eu-west-1 --name /trainyard/dev/clusters/research/agents/compute '
  has_line /etc/trainyard/prometheus.yml '^\{"global": \{\}\}$'
  has_line /etc/systemd/system/trainyard-metrics-agent.service '^ExecStart=.* 123456789012.dkr.ecr.eu-west-1.amazonaws.com/prometheus@sha256:[0-9a-f]{64} --agent '
  has_line /etc/systemd/system/trainyard-metrics-agent.service '^Environment=HOSTNAME=ip-10-0-0-21$'
}

@test "start-metrics-agent: another configuration restarts it, the same does not" {
  answers aws 'echo one'
  one_step start-metrics-agent
  rm "$UPPER/fakes/calls"
  one_step start-metrics-agent
  never_called '^systemctl restart'
  answers aws 'echo two'
  one_step start-metrics-agent
  called '^systemctl restart trainyard-metrics-agent.service$'
}

@test "start-metrics-agent: a parameter that the node may not read" {
  answers aws 'exit 254'
  run one_step start-metrics-agent
  [ "$status" -ne 0 ]
  [ "$(last_line)" = "the parameter /trainyard/dev/clusters/research/agents/compute cannot be read with the node's role" ]
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

@test "start-slurm: slurmd reads its configuration from the controller" {
  run one_step start-slurm
  [ "$status" -eq 0 ]
  has_line /etc/systemd/system/slurmd.service.d/30-trainyard-controller.conf '^Environment="SLURMD_OPTIONS=--conf-server 10.0.0.10"$'
  called '^systemctl restart slurmd.service$'
}

@test "start-slurm: a controller that does not answer" {
  make_world_again controller
  answers scontrol 'echo "Slurmctld(primary) at c is DOWN"'
  run one_step start-slurm
  [ "$status" -ne 0 ]
  [ "$(last_line)" = 'slurmctld does not answer (scontrol ping)' ]
}

@test "add-associations: accounts and members once, by their shares" {
  make_world_again controller
  answers sacctmgr 'case "$*" in *"show cluster"*) echo research ;; *"show account vision"*) echo vision ;; esac'
  run one_step add-associations
  [ "$status" -eq 0 ]
  called '^sacctmgr --immediate add account language '
  never_called '^sacctmgr --immediate add account vision '
  called '^sacctmgr --immediate modify account vision set Fairshare=3$'
  called '^sacctmgr --immediate add user bob Account=vision$'
}
