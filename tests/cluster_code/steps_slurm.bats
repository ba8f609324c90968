#!/usr/bin/env bats
# Steps alone, for Slurm: what each does to a node, and what it says when it cannot.

load world

setup() {
  make_world compute
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
  has_line /opt/slurm/etc/trainyard.conf '^PriorityWeightFairshare=100000$'
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

@test "start-slurm: slurmd reads its configuration from the controller" {
  run one_step start-slurm
  [ "$status" -eq 0 ]
  # By a file: one of the image's, which the unit reads too, would win over the unit's own words.
  has_line /etc/systemd/system/slurmd.service.d/30-trainyard-controller.conf '^EnvironmentFile=/etc/trainyard/slurmd.env$'
  has_line /etc/trainyard/slurmd.env '^SLURMD_OPTIONS="--conf-server 10.0.0.10"$'
  called '^systemctl restart slurmd.service$'
}

@test "start-slurm: a login node has its configuration from sackd" {
  make_world_again login
  run one_step start-slurm
  [ "$status" -eq 0 ]
  has_line /etc/trainyard/sackd.env '^SACKD_OPTIONS="--conf-server 10.0.0.10"$'
  called '^systemctl restart sackd.service$'
  never_called slurmd
}

@test "start-slurm: without sackd slurmd fetches it, and the unit's end does not take it away" {
  make_world_again login
  answers systemctl 'case "$1 $2" in "cat sackd.service" | "restart slurmd.service") exit 1 ;; esac'
  run one_step start-slurm
  [ "$status" -eq 0 ]
  has_line /etc/systemd/system/slurmd.service.d/30-trainyard-controller.conf '^RuntimeDirectoryPreserve=yes$'
  called '^scontrol ping$'
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

@test "add-associations: an account that has its share already is left as it is" {
  make_world_again controller
  answers sacctmgr 'case "$*" in *"show cluster"*) echo research ;; *modify*) echo " Nothing modified"; exit 1 ;; esac'
  run one_step add-associations
  [ "$status" -eq 0 ]
  called '^sacctmgr --immediate add user bob Account=vision$'
}

@test "add-associations: a share that cannot be set is no share that is set" {
  make_world_again controller
  answers sacctmgr 'case "$*" in *"show cluster"*) echo research ;;
    *modify*) echo " Error with request: Access/permission denied" >&2; exit 1 ;; esac'
  run one_step add-associations
  [ "$status" -eq 1 ]
  [[ "$output" == *"the share of account "*" cannot be set:  Error with request: Access/permission denied" ]]
  never_called '^sacctmgr --immediate add user'
}
